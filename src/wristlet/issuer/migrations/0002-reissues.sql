-- depends: 0001-accounts

-- Cards that were replaced: the old number leads to the account through its successor. The new
-- number rests sealed, so that the token service can be told; `told` is set once it knows.
CREATE TABLE reissues (
    old_index TEXT PRIMARY KEY,
    new_index TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES accounts (account_id),
    number_sealed BYTEA NOT NULL,
    expiry_yymm TEXT NOT NULL,
    told INTEGER NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE INDEX reissues_by_account ON reissues (account_id, created_ms);

-- name: authorization_get^
SELECT trace, cryptogram, result, response_code, auth_code, issuer_data FROM authorizations
WHERE token_reference = :token_reference AND atc = :atc;

-- name: authorization_add!
INSERT INTO authorizations (
    token_reference, atc, trace, cryptogram, result, verdict, amount_minor, currency, response_code,
    created_ms
) VALUES (
    :token_reference, :atc, :trace, :cryptogram, :result, :verdict, :amount_minor, :currency,
    :response_code, :created_ms
) ON CONFLICT (token_reference, atc) DO NOTHING;

-- name: authorization_answer!
UPDATE authorizations
SET response_code = :response_code, auth_code = :auth_code, issuer_data = :issuer_data
WHERE token_reference = :token_reference AND atc = :atc AND response_code IS NULL;

-- name: authorization_reverse!
-- A trace is looked for among one token's requests only: `authorizations` begins with the token.
UPDATE authorizations SET response_code = :response_code, auth_code = NULL, issuer_data = NULL
WHERE token_reference = :token_reference AND trace = :trace AND result = 'valid';

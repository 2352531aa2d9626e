"""The phone's activity log: fetched once, kept, summed up and exported."""

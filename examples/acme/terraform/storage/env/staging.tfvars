environment    = "staging"
retention_days = 2

environment    = "prod"
retention_days = 14

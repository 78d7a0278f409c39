environment = "staging"
cidr        = "10.1.0.0/16"
pod_cidr    = "10.101.0.0/16"
minions     = 1

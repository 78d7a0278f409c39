environment = "prod"
cidr        = "10.2.0.0/16"
pod_cidr    = "10.102.0.0/16"
masters     = 3
minions     = 2
kind        = "m5.large"

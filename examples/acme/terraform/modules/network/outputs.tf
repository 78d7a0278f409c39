output "vpc_id" {
  value = cloud_vpc.main.id
}

output "subnet_ids" {
  value = [for zone in var.zones : cloud_subnet.zone[zone].id]
}

output "security_group_ids" {
  value = {
    masters  = cloud_security_group.masters.id
    minions  = cloud_security_group.minions.id
    balancer = cloud_security_group.balancer.id
  }
}

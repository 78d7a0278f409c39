output "pod_cidrs" {
  value = { for route in cloud_route_table.pods.routes : route.instance_id => route.cidr }
}

output "address" {
  value = cloud_load_balancer.minions.dns_name
}

# Google Cloud's external Application Load Balancer. It passes `Upgrade: websocket` only. The one setting: `timeout_sec`
# of the backend service, which ends an idle WebSocket after 30 s by default, as often as the gateway pings: raise it.
variable "health_check" { type = string }
variable "instance_group" { type = string }

resource "google_compute_backend_service" "underpass" {
  name                            = "underpass"
  load_balancing_scheme           = "EXTERNAL_MANAGED"
  protocol                        = "HTTP"
  port_name                       = "underpass"
  timeout_sec                     = 86400
  connection_draining_timeout_sec = 60
  health_checks                   = [var.health_check]

  backend {
    group           = var.instance_group
    balancing_mode  = "UTILIZATION"
    capacity_scaler = 1.0
  }
}
# The header ends with "<client>, <load balancer>": forwardedFor = { hops = 2 }.

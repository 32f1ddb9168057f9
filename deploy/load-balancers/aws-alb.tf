# AWS Application Load Balancer in front of the gateways. The one setting: `idle_timeout`; the default of 60 s is outlived
# by the gateway's pings every 30 s, and no HTTP/2 to the targets (`protocol_version`), which cannot upgrade.
variable "vpc_id" { type = string }
variable "subnets" { type = list(string) }
variable "certificate_arn" { type = string }

resource "aws_lb" "underpass" {
  name               = "underpass"
  load_balancer_type = "application"
  subnets            = var.subnets
  idle_timeout       = 120
  # The client's address goes to the end of X-Forwarded-For: forwardedFor = { hops = 1 }.
  xff_header_processing_mode = "append"
}

resource "aws_lb_target_group" "underpass" {
  name                 = "underpass"
  vpc_id               = var.vpc_id
  port                 = 3080
  protocol             = "HTTP"
  protocol_version     = "HTTP1"
  target_type          = "ip"
  deregistration_delay = 60

  health_check {
    path                = "/readyz"
    port                = "9180"
    interval            = 5
    timeout             = 2
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener" "underpass" {
  load_balancer_arn = aws_lb.underpass.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.underpass.arn
  }
}

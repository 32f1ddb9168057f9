// Real L7 load balancers that end TLS on loopback and proxy to an HTTP server: HAProxy and nginx, each as a newcomer
// configures it, and each passing `Upgrade: websocket` only.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Issued } from '../certificates.js'
import { type TemporaryFolder, temporaryFolder, writeCertificate } from '../files.js'
import { requireProgram } from '../peers.js'
import { freePort, type ServerProcess, startProcess } from './process.js'

export interface LoadBalancerOptions {
  /** Port on 127.0.0.1 of the HTTP server behind it. */
  readonly upstreamPort: number
  /** What it shows to clients. */
  readonly certificate: Pick<Issued, 'chain' | 'privateKey'>
  /** Remove any Upgrade but websocket, as GCP and many CDNs do. */
  readonly webSocketOnly?: boolean
  /** Serve http and ws, without TLS: for pages that came over plain http. Or the second of two in a row. */
  readonly plain?: boolean
  /** Seconds without a byte until it cuts a tunnel. Default 60, as an ALB. */
  readonly idle?: number
}

/** HAProxy: ends the handshake without ALPN when it knows none of those offered, as an ALB does. */
export async function startHaproxy(options: LoadBalancerOptions): Promise<ServerProcess> {
  const folder = await temporaryFolder('haproxy')
  const port = await freePort()
  const { both } = await writeCertificate(folder, 'srv', options.certificate)
  const config = await folder.write('haproxy.cfg', haproxyConfig(options, port, both))
  return startProcess({
    command: requireProgram('haproxy'),
    args: ['-db', '-f', config],
    port,
    cleanup: folder.remove,
  })
}

/** nginx: answers unknown ALPN with the alert no_application_protocol, and passes no half-close. */
export async function startNginx(options: LoadBalancerOptions): Promise<ServerProcess> {
  const folder = await temporaryFolder('nginx')
  const port = await freePort()
  const files = await writeCertificate(folder, 'srv', options.certificate)
  const config = await folder.write('nginx.conf', nginxConfig(options, port, folder, files))
  const errorLog = join(folder.path, 'error.log')
  return startProcess({
    command: requireProgram('nginx'),
    args: ['-p', folder.path, '-e', errorLog, '-c', config],
    port,
    cleanup: folder.remove,
    extraLog: () => readOr(errorLog, ''),
  })
}

function haproxyConfig(options: LoadBalancerOptions, port: number, certificate: string): string {
  const { idle = 60, webSocketOnly = false } = options
  return `global
  maxconn 512
defaults
  mode http
  timeout connect 2s
  timeout client ${idle}s
  timeout server ${idle}s
  timeout tunnel ${idle}s
  timeout http-request 5s
frontend fe
  bind 127.0.0.1:${port}${options.plain ? '' : ` ssl crt ${certificate} alpn h2,http/1.1`}
${webSocketOnly ? '  http-request del-header Upgrade unless { req.hdr(Upgrade) -i websocket }\n' : ''}  default_backend be
backend be
  server s1 127.0.0.1:${options.upstreamPort}
`
}

function nginxConfig(
  options: LoadBalancerOptions,
  port: number,
  folder: TemporaryFolder,
  files: { readonly certificate: string; readonly privateKey: string },
): string {
  const { idle = 60, webSocketOnly = false } = options
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${join(folder.path, kind)};`)
    .join(' ')
  return `daemon off; worker_processes 1; pid ${join(folder.path, 'nginx.pid')};
events { worker_connections 512; }
http {
  access_log off;
  ${temporary}
  map $http_upgrade $passed { ${webSocketOnly ? 'default ""; "~*^websocket$" websocket;' : 'default $http_upgrade;'} }
  map $passed $connection_upgrade { default upgrade; "" close; }
  server {
    listen 127.0.0.1:${port}${options.plain ? '' : ' ssl http2'};
    server_name lb.test localhost;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate ${files.certificate}; ssl_certificate_key ${files.privateKey};
    location / {
      proxy_pass http://127.0.0.1:${options.upstreamPort};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $passed;
      proxy_set_header Connection $connection_upgrade;
      proxy_buffering off;
      proxy_read_timeout ${idle}s;
      proxy_send_timeout ${idle}s;
    }
  }
}
`
}

function readOr(path: string, fallback: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return fallback
  }
}

// Everything but databases: applications, SSH, Kubernetes, and a cluster's own services. Ping framing exists for TCP
// applications and MCP only.
import { failure } from '../errors-node.js'
import type { PresetEntry } from './index.js'
import { authServerName, kubeServerName } from './names.js'

export const proxyPresets: readonly PresetEntry[] = [
  {
    name: 'tcp',
    summary: 'a TCP application',
    of: () => ({ alpn: ['teleport-tcp-ping', 'teleport-tcp'], protocol: 'tcp' }),
  },
  {
    name: 'mcp',
    summary: 'an MCP server',
    of: () => ({ alpn: ['teleport-mcp-ping', 'teleport-mcp'], protocol: 'tcp' }),
  },
  {
    name: 'http',
    summary: 'a web application, HTTP/1.1',
    of: () => ({ alpn: ['http/1.1'], protocol: 'http', port: 8080, client: 'curl' }),
  },
  {
    name: 'h2',
    summary: 'a web application, HTTP/2',
    of: () => ({ alpn: ['h2'], protocol: 'http', port: 8080, client: 'curl' }),
  },
  {
    name: 'ssh',
    summary: "SSH to the cluster's proxy",
    of: () => ({ alpn: ['teleport-proxy-ssh'], protocol: 'tcp', port: 3023, client: 'ssh' }),
  },
  {
    name: 'ssh-grpc',
    summary: 'the SSH transport service (gRPC)',
    of: () => ({ alpn: ['teleport-proxy-ssh-grpc'], protocol: 'tcp' }),
  },
  {
    name: 'kube',
    summary: 'the Kubernetes API, by server name',
    of: ({ host }) => ({
      alpn: ['http/1.1'],
      serverName: kubeServerName(host),
      protocol: 'http',
      port: 8443,
      client: 'kubectl',
    }),
  },
  {
    name: 'auth',
    summary: "a cluster's auth service; needs its name",
    of({ cluster }) {
      if (cluster === undefined)
        throw failure('ERR_CONFIG_INVALID', 'the preset auth needs the name of the cluster')
      const serverName = authServerName(cluster)
      return { alpn: [`teleport-auth@${serverName}`, 'h2'], serverName, protocol: 'tcp' }
    },
  },
  {
    name: 'grpc',
    summary: 'the join service (gRPC, without a client certificate)',
    of: () => ({ alpn: ['teleport-proxy-grpc'], protocol: 'tcp' }),
  },
  {
    name: 'grpc-mtls',
    summary: "the proxy's gRPC services",
    of: () => ({ alpn: ['teleport-proxy-grpc-mtls'], protocol: 'tcp' }),
  },
  {
    name: 'reversetunnel',
    summary: "agents' reverse tunnels",
    of: () => ({ alpn: ['teleport-reversetunnelv2', 'teleport-reversetunnel'], protocol: 'tcp' }),
  },
]

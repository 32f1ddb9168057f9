// Names that are computed: server names and ALPN names that carry a cluster, a host or a version.
import { base64, hex, utf8 } from '../bytes/index.js'
import { failure } from '../errors-node.js'

const clusterSuffix = 'teleport.cluster.local'

/**
 * The server name by which a Teleport proxy tells Kubernetes traffic from all other, before it looks at ALPN. A host that
 * is missing, an address or `localhost` has no certificate of its own there: the cluster's general name stands in.
 */
export function kubeServerName(host?: string): string {
  const named = host !== undefined && host !== '' && host !== 'localhost' && !isAddress(host)
  return `kube-teleport-proxy-alpn.${named ? host : clusterSuffix}`
}

/** The server name of a cluster's auth service: its name in hexadecimal, since cluster names may hold anything. */
export function authServerName(cluster: string): string {
  if (cluster === '') throw failure('ERR_CONFIG_INVALID', 'the name of the cluster is empty')
  return `${hex(utf8(cluster))}.${clusterSuffix}`
}

/** The ALPN name that tells a proxy which version the MySQL server behind it has, so that its greeting can say so. */
export function mysqlVersionName(version: string): string {
  if (!/^[\x21-\x7e]{1,120}$/.test(version))
    throw failure('ERR_CONFIG_INVALID', 'a MySQL version is 1 to 120 visible ASCII characters')
  return `teleport-mysql-${base64(utf8(version))}`
}

function isAddress(host: string): boolean {
  return host.includes(':') || /^\d+(?:\.\d+){3}$/.test(host)
}

// `GET /webapi/ping`: what a client may know before it upgrades. The fields that Teleport's clients read have their
// names; `upgrade` is ours and says outright what theirs have to probe for.
import { readFileSync } from 'node:fs'
import { subprotocols, upgradeTypes } from './upgrade-request.js'

export const pingPath: string = '/webapi/ping'

const { name, version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { readonly name: string; readonly version: string }

export const packageVersion: string = version

export function pingBody(path: string): string {
  return `${JSON.stringify({
    name,
    server_version: version,
    // Every protocol on one port, told apart by ALPN.
    proxy: { tls_routing_enabled: true },
    upgrade: { path, types: upgradeTypes, subprotocols },
  })}\n`
}

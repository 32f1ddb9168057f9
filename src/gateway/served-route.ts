// A route together with the TLS servers that answer for it: one for each identity, made before the first client comes.
import type { Server } from 'node:tls'
import type { RouteConfig, RouteSettings } from './config.js'
import { type HandshakeOptions, routeServer } from './handshake.js'
import { entryForName } from './routes.js'

export interface ServedRoute extends RouteSettings {
  /** The server whose certificate fits a server name, or the default identity's. */
  serverFor(serverName: string | undefined): Server
}

export function serveRoutes(config: RouteConfig, options: HandshakeOptions): readonly ServedRoute[] {
  return config.routes.map((route) => {
    const standard = routeServer(route, config.identity, options)
    const byName = new Map<string, Server>()
    for (const [name, identity] of config.identities) byName.set(name, routeServer(route, identity, options))
    return { ...route, serverFor: (serverName) => entryForName(byName, serverName) ?? standard }
  })
}

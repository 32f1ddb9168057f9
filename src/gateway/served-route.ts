// A route together with the TLS servers that answer for it: one for each identity, made before the first client comes.
import type { Server } from 'node:tls'
import { failure } from '../errors-node.js'
import type { RouteConfig, RouteSettings } from './config.js'
import { type HandshakeOptions, routeServer } from './handshake.js'
import { type HttpConnections, httpConnections } from './http-connector.js'
import { entryForName } from './routes.js'

export interface ServedRoute extends RouteSettings {
  /** The server whose certificate fits a server name, or the default identity's. */
  serverFor(serverName: string | undefined): Server
  /** Where the route's service is HTTP: what reads and rewrites its requests. */
  readonly http: HttpConnections | undefined
}

export interface ServeOptions extends HandshakeOptions {
  /** Bytes of a request head, on routes whose service is HTTP. */
  readonly requestHead: number
}

export function serveRoutes(config: RouteConfig, options: ServeOptions): readonly ServedRoute[] {
  return config.routes.map((route) => {
    const http = route.connect.http && httpConnections(route.connect, options)
    if (route.forward) return { ...route, http, serverFor: () => unreachable(route.name) }
    const standard = routeServer(route, config.identity, options)
    const byName = new Map<string, Server>()
    for (const [name, identity] of config.identities) byName.set(name, routeServer(route, identity, options))
    return { ...route, http, serverFor: (serverName) => entryForName(byName, serverName) ?? standard }
  })
}

function unreachable(name: string): never {
  throw failure('ERR_INTERNAL', `route ${JSON.stringify(name)} ends no TLS`)
}

// Local listeners whose connections are tunnels: TCP, unix sockets, SOCKS5, HTTP CONNECT, and a reverse proxy for HTTP. Node
// only. Dialers come in as values; nothing here dials by itself, reads a configuration, or prints.
export type { ConnectionFacts, ListeningFacts, ProxyEvent } from './events.js'
export type {
  HttpProxyEvent,
  HttpProxyLimits,
  HttpProxyOptions,
  HttpProxyTimeouts,
} from './http/options.js'
export { createHttpProxy, type HttpProxy } from './http/proxy.js'
export type {
  Credentials,
  DirectListener,
  Endpoint,
  ListenerOptions,
  NamedListener,
  ProxyLimits,
  ProxyOptions,
  ProxyTimeouts,
  Rule,
  Target,
} from './options.js'
export { createProxy, type LocalProxy } from './proxy.js'

// The door behind the load balancer: HTTP/1.1 that answers upgrades, `GET /webapi/ping`, and nothing else. An upgrade
// leaves here as a carrier; every other request gets its status and a JSON error.
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { failure, type TunnelError } from '../errors-node.js'
import { type Carrier, goodbye } from './carrier.js'
import type { Settings } from './config.js'
import { clientAddress, type ForwardedRule, plainAddress } from './forwarded.js'
import { pingBody, pingPath } from './ping-endpoint.js'
import { SocketCarrier } from './socket-carrier.js'
import type { Arrival } from './tunnel.js'
import {
  ambiguity,
  errorBody,
  legacyAcceptance,
  pathOf,
  subprotocols,
  type UpgradeType,
  upgradeRequests,
  upgradeType,
} from './upgrade-request.js'
import { WebSocketCarrier } from './websocket-carrier.js'

/** Answers a request for a page, and says whether it did. */
export type Pages = (request: IncomingMessage, response: ServerResponse) => boolean

export interface UpgradeDoor {
  /** Why no tunnel is taken now, if so. */
  refuse(): string | undefined
  /** Before anything is answered: whether there is room for a tunnel from there; the answer gives the place back. */
  admit(address: string): (() => void) | undefined
  arrived(carrier: Carrier, arrival: Arrival, socket: Socket): void
  refused(error: TunnelError, address: string): void
  readonly closing: boolean
}

/** `pages`: answers a request for the console's page and says whether it was one. */
export function upgradeListener(settings: Settings, door: UpgradeDoor, pages?: Pages): Server {
  const { timeouts, limits } = settings
  const { path, forwarded } = settings.upgrade!
  const isUpgrade = (request: IncomingMessage) =>
    pathOf(request) === path && upgradeType(request) !== undefined

  const server = createServer({
    IncomingMessage: upgradeRequests(isUpgrade),
    maxHeaderSize: limits.requestHead,
    headersTimeout: timeouts.request,
    requestTimeout: timeouts.request,
    keepAliveTimeout: timeouts.keepAlive,
    // node:http looks at those deadlines only this often.
    connectionsCheckingInterval: Math.min(1_000, Math.ceil(timeouts.request / 4)),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
  })
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    // Answered by the carrier, which knows when the last answer was taken.
    autoPong: false,
    maxPayload: limits.frame,
    maxFragments: limits.fragments,
    handleProtocols: (offered) => subprotocols.find((name) => offered.has(name)) ?? false,
  })

  server.on('request', (request, response) => {
    if (pages?.(request, response) === true) return
    const address = addressOf(request, forwarded)
    if (pathOf(request) === pingPath && request.method === 'GET') {
      answer(response, 200, pingBody(path))
      return
    }
    const [status, message] = refusal(request, path)
    door.refused(failure('ERR_GATEWAY_UPGRADE', `${status} ${message}`), address)
    answer(response, status, errorBody(message))
  })

  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => {})
    const type = upgradeType(request)!
    const address = addressOf(request, forwarded)
    const unclear = ambiguity(request)
    if (unclear !== undefined) {
      door.refused(failure('ERR_GATEWAY_UPGRADE', `400 ${unclear}`), address)
      refuseOn(socket, 400, unclear)
      return
    }
    const reason = door.closing ? 'the gateway is closing' : door.refuse()
    if (reason !== undefined) {
      if (!door.closing) door.refused(failure('ERR_GATEWAY_LIMIT', reason), address)
      refuseOn(socket, 503, reason)
      return
    }
    const release = door.admit(address)
    if (release === undefined) {
      door.refused(failure('ERR_GATEWAY_LIMIT', 'limits.connectionsPerAddress'), address)
      refuseOn(socket, 503, 'too many connections')
      return
    }
    socket.once('close', release)
    const arrival = {
      door: 'upgrade' as const,
      address,
      port: address === plainAddress(socket.remoteAddress ?? '') ? (socket.remotePort ?? 0) : 0,
      local: { address: plainAddress(socket.localAddress ?? 'unknown'), port: socket.localPort ?? 0 },
    }
    if (type === 'websocket') acceptWebSocket(request, socket, head, arrival)
    else acceptLegacy(type, socket, head, arrival)
  })

  function acceptLegacy(
    type: Exclude<UpgradeType, 'websocket'>,
    socket: Socket,
    head: Buffer,
    arrival: Omit<Arrival, 'framing'>,
  ) {
    socket.write(legacyAcceptance(type))
    if (head.length > 0) socket.unshift(head)
    const framing = type === 'alpn-ping' ? 'ping' : 'raw'
    door.arrived(
      new SocketCarrier(socket, { framing, ...limits, linger: timeouts.linger }),
      {
        framing,
        ...arrival,
      },
      socket,
    )
  }

  function acceptWebSocket(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    arrival: Omit<Arrival, 'framing'>,
  ) {
    // `ws` wants this token alone, and it is the one that was chosen.
    request.headers.upgrade = 'websocket'
    webSockets.handleUpgrade(request, socket, head, (ws: WebSocket) => {
      const carrier = new WebSocketCarrier(ws, {
        buffer: limits.buffer,
        linger: timeouts.linger,
        pings: limits.pings,
        bytesRead: () => socket.bytesRead,
      })
      if (ws.protocol === '') {
        // After the 101, as Teleport does it: a browser shows its page a close code, but never an HTTP status.
        door.refused(
          failure('ERR_GATEWAY_UPGRADE', 'no subprotocol alpn or alpn-ping offered'),
          arrival.address,
        )
        carrier.hangUp(goodbye.notAllowed)
        carrier.destroy()
      } else door.arrived(carrier, { framing: 'websocket', ...arrival }, socket)
    })
  }

  webSockets.on('wsClientError', (error, socket, request) => {
    door.refused(failure('ERR_GATEWAY_UPGRADE', error.message), addressOf(request, forwarded))
    refuseOn(socket, 400, error.message)
  })

  server.on('clientError', (error: Error & { readonly code?: string }, socket) => {
    const status = malformedStatus(error.code)
    const address = plainAddress((socket as Socket).remoteAddress ?? 'unknown')
    if (status === undefined || !socket.writable) {
      socket.destroy()
      return
    }
    door.refused(failure('ERR_GATEWAY_UPGRADE', `${status} ${error.code}`), address)
    refuseOn(socket, status, STATUS_CODES[status]!)
  })
  return server
}

function refusal(request: IncomingMessage, path: string): readonly [status: number, message: string] {
  const known = pathOf(request)
  if (known !== path && known !== pingPath) return [404, 'not found']
  if (request.method !== 'GET') return [405, 'only GET is allowed here']
  return [404, 'unsupported upgrade types; there are websocket, alpn-ping and alpn']
}

function answer(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    // RFC 9110 §15.5.6: a 405 MUST say what is allowed.
    ...(status === 405 ? { Allow: 'GET' } : {}),
    // What follows a refused upgrade may not be HTTP.
    ...(status === 200 ? {} : { Connection: 'close' }),
  })
  response.end(body)
}

/** An answer on a socket that node:http has already let go. */
function refuseOn(socket: Duplex, status: number, message: string): void {
  const body = errorBody(message)
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
    () => socket.destroy(),
  )
}

/** What node:http itself would answer; undefined where nobody is left to read it. */
function malformedStatus(code: string | undefined): number | undefined {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408
  if (code === 'HPE_HEADER_OVERFLOW') return 431
  return code?.startsWith('HPE_') === true ? 400 : undefined
}

function addressOf(request: IncomingMessage, forwarded: ForwardedRule | undefined): string {
  const peer = request.socket.remoteAddress ?? 'unknown'
  return forwarded === undefined ? plainAddress(peer) : clientAddress(forwarded, request.headers, peer)
}

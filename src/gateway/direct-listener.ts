// The door without a load balancer: the inner TLS connection begins with the first byte.
import { createServer, type Server, type Socket } from 'node:net'
import { failure, type TunnelError } from '../errors-node.js'
import type { Carrier } from './carrier.js'
import type { Settings } from './config.js'
import { plainAddress } from './forwarded.js'
import { SocketCarrier } from './socket-carrier.js'
import type { Arrival } from './tunnel.js'

export interface DirectDoor {
  /** Why no tunnel is taken now, if so. */
  refuse(): string | undefined
  admit(address: string): (() => void) | undefined
  arrived(carrier: Carrier, arrival: Arrival, socket: Socket): void
  refused(error: TunnelError, address: string): void
}

export function directListener(settings: Settings, door: DirectDoor): Server {
  const { limits, timeouts } = settings
  return createServer(
    { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 },
    (socket) => {
      const address = plainAddress(socket.remoteAddress ?? 'unknown')
      const reason = door.refuse()
      if (reason !== undefined) {
        door.refused(failure('ERR_GATEWAY_LIMIT', reason), address)
        socket.destroy()
        return
      }
      const release = door.admit(address)
      if (release === undefined) {
        door.refused(failure('ERR_GATEWAY_LIMIT', 'limits.connectionsPerAddress'), address)
        socket.destroy()
        return
      }
      socket.once('close', release)
      door.arrived(
        new SocketCarrier(socket, { framing: 'raw', ...limits, linger: timeouts.linger }),
        {
          door: 'direct',
          framing: 'raw',
          address,
          port: socket.remotePort ?? 0,
          local: { address: plainAddress(socket.localAddress ?? 'unknown'), port: socket.localPort ?? 0 },
        },
        socket,
      )
    },
  )
}

// A local client's socket as a wire. An unclean end is passed on as a reset where there is one, so that no client takes half
// a stream for a whole one.
import type { Socket } from 'node:net'
import { wireFromSocket } from '../platform/node/wire.js'
import type { Wire } from '../stream/index.js'

export function localWire(socket: Socket, family: 'tcp' | 'unix'): Wire {
  socket.setNoDelay(true)
  const wire = wireFromSocket(socket)
  return {
    ...wire,
    destroy(reason) {
      if (reason !== undefined && family === 'tcp' && !socket.destroyed) socket.resetAndDestroy()
      wire.destroy(reason)
    },
  }
}

export interface Counts {
  sent: number
  received: number
}

/** The same wire, with what passes it counted. */
export function counted(wire: Wire, counts: Counts): Wire {
  return {
    ...wire,
    start(events) {
      wire.start({
        ...events,
        data(chunk) {
          counts.sent += chunk.length
          return events.data(chunk)
        },
      })
    },
    write(chunks) {
      for (const { length } of chunks) counts.received += length
      return wire.write(chunks)
    },
  }
}

// The connection behind a route: opened only for a client that may pass.
import { connect, type NetConnectOpts, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { failure } from '../errors-node.js'
import type { ConnectorSettings } from './config.js'
import { deadlineAfter } from './deadline.js'

/** What a tunnel needs of the service's end: a socket, or one that looks like it. */
export interface Service extends Duplex {
  readonly bytesRead: number
  readonly bytesWritten: number
  setTimeout(ms: number): unknown
}

/** Begin to connect; `connected` says how it went. */
export function openConnector(target: ConnectorSettings['to'], options: { readonly buffer: number }): Socket {
  const socket = connect({
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    highWaterMark: options.buffer,
    ...target,
  } as NetConnectOpts & { readonly highWaterMark: number })
  // Failures are seen by whoever waits; between the phases nobody does.
  socket.on('error', () => {})
  return socket
}

/** Rejects with ERR_GATEWAY_CONNECT, also after `timeout` milliseconds. */
export function connected(socket: Socket, timeout: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = deadlineAfter(timeout, () => socket.destroy(new Error(`no answer in ${timeout} ms`)))
    const settle = () => {
      stop()
      socket.off('connect', opened)
      socket.off('close', failed)
    }
    const opened = () => {
      settle()
      resolve()
    }
    const failed = () => {
      settle()
      const cause = socket.errored as (Error & { readonly code?: string }) | null
      reject(failure('ERR_GATEWAY_CONNECT', cause?.code ?? cause?.message ?? 'closed', { cause }))
    }
    socket.once('connect', opened)
    socket.once('close', failed)
  })
}

/** Drop the connection; over TCP by a reset, which no service takes for the end of the data. */
export function dropConnector(service: Service, target: ConnectorSettings['to']): void {
  const overTcp = service instanceof Socket && 'port' in target
  // One that is still connecting is reset once it is there, or dropped by `connected` when its time is over.
  if (overTcp && !service.destroyed) service.resetAndDestroy()
  else service.destroy()
}

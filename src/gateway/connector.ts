// The connection behind a route: opened only for a client that may pass.
import { connect, type Socket } from 'node:net'
import { failure } from '../errors.js'
import type { Connector } from './options.js'

export interface ConnectorOptions {
  /** Milliseconds. */
  readonly timeout: number
  readonly buffer: number
}

/** Rejects with ERR_GATEWAY_CONNECT, also when the time is up. */
export function openConnector(target: Connector, options: ConnectorOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...target,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      highWaterMark: options.buffer,
    } as Parameters<typeof connect>[0])
    const timer = setTimeout(() => {
      socket.destroy(new Error(`no answer in ${options.timeout} ms`))
    }, options.timeout)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.off('error', refused)
      socket.on('error', () => {})
      resolve(socket)
    })
    const refused = (cause: Error & { readonly code?: string }) => {
      clearTimeout(timer)
      reject(failure('ERR_GATEWAY_CONNECT', cause.code ?? cause.message, { cause }))
    }
    socket.once('error', refused)
  })
}

// The far end of the benchmarks, a process of its own so that its work counts for nobody: node:tls, and the same without
// TLS. Told over IPC what to listen with. A first line `D<bytes>` downloads, `U<bytes>` uploads, `E` echoes.
import { createServer as createPlain, type Socket } from 'node:net'
import { createServer, type TlsOptions } from 'node:tls'

export interface Listen {
  readonly tls?: TlsOptions
  /** Say one byte at once, and nothing more. */
  readonly greet?: boolean
}

const payload = Buffer.alloc(256 * 1024, 0x64)

process.on('message', ({ tls, greet }: Listen) => {
  const handle = greet ? (socket: Socket) => void quiet(socket).write('!') : serve
  const server =
    tls === undefined
      ? createPlain({ noDelay: true }, handle)
      : createServer({ ...tls, noDelay: true } as TlsOptions, handle)
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as { port: number }).port }))
})
process.on('disconnect', () => process.exit())

function quiet(socket: Socket): Socket {
  return socket.on('error', () => socket.destroy())
}

function serve(socket: Socket): void {
  quiet(socket)
  let mode = ''
  let left = 0
  let order = ''
  socket.on('data', (chunk: Buffer) => {
    if (mode === '') {
      const end = chunk.indexOf(10)
      order += chunk.toString('latin1', 0, end < 0 ? chunk.length : end)
      if (end < 0) return
      mode = order[0]!
      left = Number(order.slice(1))
      order = ''
      chunk = chunk.subarray(end + 1)
      if (mode === 'D') pour()
      if (mode === 'E') socket.write('.')
    }
    if (mode === 'E' && chunk.length > 0) socket.write(chunk)
    if (mode === 'U') {
      left -= chunk.length
      if (left > 0) return
      mode = ''
      socket.write('K')
    }
  })

  function pour(): void {
    while (left > 0) {
      const piece = left < payload.length ? payload.subarray(0, left) : payload
      left -= piece.length
      if (!socket.write(piece)) {
        socket.once('drain', pour)
        return
      }
    }
    mode = ''
  }
}

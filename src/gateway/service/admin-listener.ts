// The operator's own door: is it alive, should it get new tunnels, what has it counted. In clear and without
// authentication, so it listens on the loopback unless told otherwise, and never on a door of the clients.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { failure } from '../../errors-node.js'

export interface AdminDoor {
  /** Why no new tunnels should be sent here, if so. */
  notReady(): string | undefined
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
}

export interface AdminListener {
  readonly host: string
  readonly port: number
  close(): Promise<void>
}

/** Rejects with ERR_GATEWAY_LISTEN. */
export async function adminListener(
  at: { readonly host: string; readonly port: number },
  door: AdminDoor,
): Promise<AdminListener> {
  const server = createServer(
    { maxHeaderSize: 8_192, requestTimeout: 5_000, headersTimeout: 5_000 },
    (request, response) => {
      answer(request.method ?? '', (request.url ?? '').split('?', 1)[0]!, door)
        .catch(() => ({ status: 500, type: 'text/plain', body: 'failed\n' }))
        .then(({ status, type, body }) => {
          response.writeHead(status, {
            'Content-Type': type,
            'Content-Length': Buffer.byteLength(body),
            'Cache-Control': 'no-store',
            ...(status === 405 ? { Allow: 'GET, HEAD' } : {}),
          })
          response.end(request.method === 'HEAD' ? undefined : body)
        })
    },
  )
  server.maxConnections = 100
  const { address: host, port } = await listening(server, at)
  return {
    host,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

async function answer(method: string, path: string, door: AdminDoor): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, type: 'text/plain', body: 'only GET\n' }
  switch (path) {
    case '/healthz':
      return { status: 200, type: 'text/plain', body: 'ok\n' }
    case '/readyz': {
      const reason = door.notReady()
      return reason === undefined
        ? { status: 200, type: 'text/plain', body: 'ready\n' }
        : { status: 503, type: 'text/plain', body: `${reason}\n` }
    }
    case '/metrics': {
      const { contentType, text } = await door.metrics()
      return { status: 200, type: contentType, body: text }
    }
    default:
      return { status: 404, type: 'text/plain', body: 'there are /healthz, /readyz and /metrics\n' }
  }
}

function listening(
  server: Server,
  at: { readonly host: string; readonly port: number },
): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    // For as long as it listens: what cannot be accepted for the moment (no file descriptor) ends nothing.
    server.on('error', (cause: NodeJS.ErrnoException) => {
      const where = `listen.admin: ${at.host}:${at.port}, ${cause.code ?? 'failed'}`
      reject(failure('ERR_GATEWAY_LISTEN', where, { cause }))
    })
    server.listen(at, () => resolve(server.address() as AddressInfo))
  })
}

// The service behind the agent's tunnel: one that node:http serves well, and one that answers whatever bytes it is given.
import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { gzipSync } from 'node:zlib'
import { sample } from '../support/traffic.js'

export interface TestService extends AsyncDisposable {
  readonly port: number
}

/** Tells what it was asked, and does what paths say. */
export async function startWeb(): Promise<TestService & { closed(): Promise<void> }> {
  /** Of the last request for /endless. */
  let closed: Promise<unknown> = Promise.resolve()
  const server = createHttpServer(async (request, response) => {
    const path = request.url ?? ''
    if (path === '/big') {
      const bytes = sample(8 * 1024 * 1024)
      response.setHeader('Content-Length', bytes.length)
      response.end(bytes)
    } else if (path === '/echo') {
      response.setHeader(
        'X-Framing',
        request.headers['transfer-encoding'] ?? request.headers['content-length'] ?? '',
      )
      request.pipe(response)
    } else if (path === '/early') {
      // Whole by its length; closing with bytes unread would reset the connection and could lose it.
      response.writeHead(413, { 'Content-Length': 6 }).write('enough')
      request.resume().on('end', () => response.end())
    } else if (path === '/zip') {
      response.setHeader('Content-Encoding', 'gzip')
      response.end(gzipSync('packed'))
    } else if (path === '/endless') {
      closed = new Promise((resolve) => request.socket.once('close', resolve))
      const more = () => {
        if (!response.destroyed && response.write(Buffer.alloc(16_384))) setTimeout(more, 1)
        else response.once('drain', more)
      }
      more()
    } else if (path === '/slow') {
      response.write('first')
    } else if (path === '/silent') {
      request.resume()
    } else {
      response.writeHead(path === '/empty' ? 204 : 200, 'Fine', [
        ...[
          'Set-Cookie',
          'a=b',
          'Access-Control-Allow-Origin',
          '*',
          'X-Mine',
          'yes',
          'Clear-Site-Data',
          '"*"',
        ],
        ...[
          'Location',
          '/next?x',
          'Connection',
          'x-hop',
          'X-Hop',
          'no',
          'Content-Security-Policy',
          "default-src 'self'",
        ],
      ])
      response.end(request.method === 'HEAD' || path === '/empty' ? undefined : await told(request))
    }
  })
  return { ...(await listening(server)), closed: () => closed.then(() => {}) }
}

async function told(request: IncomingMessage): Promise<string> {
  const { method, url, headers } = request
  return JSON.stringify({ method, url, headers })
}

/** Answers `answers[path]`, byte for byte, and ends. */
export async function startScripted(answers: Readonly<Record<string, string>>): Promise<TestService> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    let head = ''
    socket.on('data', (chunk) => {
      head += chunk.toString('latin1')
      const path = /^\S+ \/(\S*) [\s\S]*\r\n\r\n/.exec(head)?.[1]
      if (path !== undefined) socket.end(Buffer.from(answers[path] ?? '', 'latin1'))
    })
  })
  return listening(server)
}

async function listening(server: Server): Promise<TestService> {
  const sockets = new Set<import('node:net').Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

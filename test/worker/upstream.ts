// WebSocket servers that behave as told, for the far side of the relay.
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

export interface Upstream extends AsyncDisposable {
  readonly origin: string
  /** Headers of each upgrade request. */
  readonly requests: IncomingHttpHeaders[]
  /** The next WebSocket that opens. */
  socket(): Promise<WebSocket>
}

export interface UpstreamOptions {
  /** Answer with this status instead of 101; 0 for never. */
  readonly status?: number
  /** The subprotocol said, whatever was offered. */
  readonly subprotocol?: string
}

export async function startUpstream({ status, subprotocol }: UpstreamOptions = {}): Promise<Upstream> {
  const requests: IncomingHttpHeaders[] = []
  const open: WebSocket[] = []
  let wake = () => {}
  const wss = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    handleProtocols: (offered) => subprotocol ?? [...offered][0]!,
  })
  const server = createServer()
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  server.on('upgrade', (request, socket, head) => {
    requests.push(request.headers)
    if (status === 0) return
    if (status !== undefined) {
      const location = status >= 300 && status < 400 ? 'Location: http://127.0.0.1:1/\r\n' : ''
      socket.end(`HTTP/1.1 ${status} No\r\n${location}Content-Length: 6\r\nConnection: close\r\n\r\nsecret`)
      return
    }
    wss.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', () => {})
      open.push(ws)
      wake()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async socket() {
      while (open.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return open.shift()!
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

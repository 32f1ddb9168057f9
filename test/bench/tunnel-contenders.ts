// Both of them through the same tunnel: TLS with the load balancer, upgrade and WebSocket framing are Underpass's own;
// what is compared is who does TLS inside.
import type { Duplex } from 'node:stream'
import { createSecureContext, connect as tlsConnect } from 'node:tls'
import { duplex } from '../../src/duplex/index.js'
import { createDialer, nodeCrypto } from '../../src/platform/node/index.js'
import { dialTcp } from '../../src/platform/node/wire.js'
import { Connection, tunnelSocket } from '../../src/stream/index.js'
import { tlsClient } from '../../src/tls/index.js'
import { upgrade, webSocket } from '../../src/tunnel/index.js'
import type { Connect, Setup } from './contenders.js'
import { linkOfStream } from './link.js'

export async function throughDialer({ port, ca, serverName, identity, resume }: Setup): Promise<Connect> {
  const dialer = createDialer({
    origin: resume ? `http://127.0.0.1:${port}` : `https://127.0.0.1:${port}`,
    originTrust: ca,
    trust: ca,
    serverName,
    alpn: ['bench'],
    mode: 'websocket',
    ...(identity && { identity }),
  })
  return async () => linkOfStream(duplex(await dialer.connect()))
}

export async function throughNode({ port, ca, serverName, identity }: Setup): Promise<Connect> {
  const secureContext = createSecureContext({
    ca,
    ...(identity && { cert: identity.certificate, key: identity.privateKey }),
  })
  return async () => {
    const socket = await framedTunnel(port, ca)
    const tls = tlsConnect({ socket, secureContext, servername: serverName, ALPNProtocols: ['bench'] })
    await new Promise<void>((resolve, reject) => {
      tls.once('secureConnect', resolve).once('error', reject)
    })
    return linkOfStream(tls)
  }
}

async function framedTunnel(port: number, ca: string): Promise<Duplex> {
  const host = `127.0.0.1:${port}`
  const wire = await dialTcp({ host: '127.0.0.1', port }, { signal: new AbortController().signal })
  const connection = new Connection(wire, { clock: () => performance.now() })
  await connection.push(
    tlsClient({
      crypto: nodeCrypto,
      now: () => Date.now(),
      serverName: '127.0.0.1',
      trust: ca,
      alpn: ['http/1.1'],
    }),
  )
  const info = await connection.push(upgrade({ host, protocol: 'websocket', crypto: nodeCrypto }))
  await connection.push(webSocket({ random: nodeCrypto.random }))
  return duplex(tunnelSocket(connection.wire(), info, { closed: connection.closed }))
}

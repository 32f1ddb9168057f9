// A client and the scripted server in memory, each with its stack of layers, and what a test may change about them. Needs
// no test runner.
import { concat } from '../../src/bytes/index.js'
import type { CryptoProvider } from '../../src/crypto/provider.js'
import type { Layer } from '../../src/layer.js'
import { type Identity, loadIdentity } from '../../src/pki/index.js'
import { type MemoryPairOptions, memoryPair } from '../../src/platform/memory/index.js'
import { Connection, type TunnelSocket, tunnelSocket } from '../../src/stream/index.js'
import { type TlsClientOptions, type TlsInfo, tlsClient } from '../../src/tls/index.js'
import type { Trace } from '../../src/trace.js'
import { type Authority, createAuthority, type Issued, type LeafOptions } from '../support/certificates.js'
import { ScriptedServer, type ServerScript } from '../support/tls-server/index.js'
import { serverCrypto, tlsServer } from './far-end.js'
import { codeOf } from './outcome.js'

/** The name in the server's certificate. */
export const serverName = 'db.test'

export interface Meeting {
  /** Differences from a mutual handshake that offers and selects `echo`. */
  readonly script?: Partial<ServerScript>
  readonly client?: Partial<TlsClientOptions>
  readonly path?: MemoryPairOptions
  /** Layers under the inner TLS, from the wire up. */
  readonly below?: readonly Layer[]
  readonly farBelow?: readonly Layer[]
  readonly trace?: Trace
  /** Whether the server sends back what it gets (default). */
  readonly echo?: boolean
}

export interface Met {
  readonly connection: Connection
  readonly socket: TunnelSocket<TlsInfo>
  readonly server: ScriptedServer
  readonly farConnection: Connection
  /** The server's application end. */
  readonly far: ReturnType<Connection['wire']>
  /** Without echo: everything the client sent, once it has ended. */
  readonly received: Promise<Uint8Array>
}

export interface World {
  readonly authority: Authority
  readonly client: Issued
  script(): Promise<ServerScript>
  options(): Promise<TlsClientOptions>
  meet(meeting?: Meeting): Promise<Met>
  /** The code that the handshake fails with. */
  fail(server: ScriptedServer, client?: Partial<TlsClientOptions>): Promise<string>
}

export async function worldOf(crypto: CryptoProvider, leaf: LeafOptions = {}): Promise<World> {
  const authority = await createAuthority()
  const [issued, client] = await Promise.all([
    authority.issue({ names: [serverName], ...leaf }),
    authority.issue({ commonName: 'alice', usage: 'client', ...(leaf.key && { key: leaf.key }) }),
  ])
  const identity: Identity = await loadIdentity(
    { certificate: client.chain, privateKey: client.privateKey },
    crypto,
  )
  const script = async (): Promise<ServerScript> => {
    const { signer } = await loadIdentity(
      { certificate: issued.chain, privateKey: issued.privateKey },
      crypto,
    )
    return { crypto: serverCrypto(), chain: issued.chainDer, signer, alpn: 'echo', request: {} }
  }
  const options = async (): Promise<TlsClientOptions> => ({
    crypto,
    now: () => Date.now(),
    serverName,
    alpn: ['echo'],
    trust: authority.certificate,
    identity,
  })
  const clock = (): number => performance.now()
  return {
    authority,
    client,
    script,
    options,
    async meet(meeting = {}) {
      const server = new ScriptedServer({ ...(await script()), ...meeting.script })
      const [near, distant] = memoryPair(meeting.path)
      const connection = new Connection(near, { clock, trace: meeting.trace })
      const farConnection = new Connection(distant, { clock })
      const farOpen = (async () => {
        for (const layer of [...(meeting.farBelow ?? []), tlsServer(server)]) await farConnection.push(layer)
      })()
      for (const layer of meeting.below ?? []) await connection.push(layer)
      const info = await connection.push(tlsClient({ ...(await options()), ...meeting.client }))
      await farOpen
      const far = farConnection.wire()
      const received = meeting.echo === false ? collect(far) : echo(far)
      const socket = tunnelSocket(connection.wire(), info, { closed: connection.closed })
      return { connection, socket, server, farConnection, far, received }
    },
    async fail(server, client) {
      const [near, distant] = memoryPair()
      const connection = new Connection(near, { clock })
      const farConnection = new Connection(distant, { clock })
      const farOpen = farConnection.push(tlsServer(server)).catch(() => {})
      const code = await codeOf(async () => connection.push(tlsClient({ ...(await options()), ...client })))
      await connection.closed.catch(() => {})
      farConnection.destroy()
      await farOpen
      return code
    },
  }
}

/** Send back what comes, and end after the peer. */
function echo(wire: ReturnType<Connection['wire']>): Promise<Uint8Array> {
  wire.start({ data: (chunk) => wire.write([chunk]), end: () => wire.end(), fail: () => {} })
  return Promise.resolve(new Uint8Array())
}

function collect(wire: ReturnType<Connection['wire']>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  return new Promise((resolve) => {
    wire.start({
      data: (chunk) => void chunks.push(chunk),
      end: () => resolve(concat(...chunks)),
      fail: () => resolve(concat(...chunks)),
    })
  })
}

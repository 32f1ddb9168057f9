// A certificate authority, a server that holds a certificate of it, and a client that trusts it: where most TLS tests begin.
import type { CryptoProvider } from '../../../src/crypto/provider.js'
import { type Identity, loadIdentity } from '../../../src/pki/index.js'
import { type TlsClientOptions, type TlsLayer, tlsClient } from '../../../src/tls/index.js'
import { type Authority, createAuthority, type KeyChoice, type LeafOptions } from '../certificates.js'
import { type Conversation, converse, type Way } from './converse.js'
import { ScriptedServer, type ServerScript } from './server.js'
import { ScriptedServer12, type ServerScript12 } from './server12.js'

export const serverName = 'inner.example.com'

export interface World {
  readonly authority: Authority
  /** The identity of the server with a key of this kind. */
  server(key?: KeyChoice, options?: LeafOptions): Promise<Identity>
  client(key?: KeyChoice): Promise<Identity>
  /** Let them talk until neither has more to say. */
  meet(script?: Partial<ServerScript>, options?: Partial<TlsClientOptions>, way?: Way): Promise<Meeting>
  /** The same with a server of TLS 1.2. */
  meet12(script?: Partial<ServerScript12>, options?: Partial<TlsClientOptions>, way?: Way): Promise<Meeting12>
}

export interface Meeting12 extends Conversation {
  readonly server: ScriptedServer12
}

export interface Meeting extends Conversation {
  readonly server: ScriptedServer
}

export async function createWorld(crypto: CryptoProvider): Promise<World> {
  const authority = await createAuthority()
  const identities = new Map<string, Promise<Identity>>()

  function identity(name: string, key: KeyChoice, options: LeafOptions): Promise<Identity> {
    const made = identities.get(name + key)
    if (made !== undefined) return made
    const making = authority
      .issue({ key, ...options })
      .then(({ chain, privateKey }) => loadIdentity({ certificate: chain, privateKey }, crypto))
    identities.set(name + key, making)
    return making
  }

  function client(options: Partial<TlsClientOptions>): TlsLayer {
    return tlsClient({ crypto, now: Date.now, serverName, trust: authority.certificate, ...options })
  }

  const world: World = {
    authority,
    server: (key = 'ecdsa-p256', options = {}) =>
      identity(`server ${Object.keys(options)}`, key, { names: [serverName], ...options }),
    client: (key = 'ecdsa-p256') => identity('client', key, { usage: 'client', commonName: 'client' }),
    async meet(script = {}, options = {}, way = {}) {
      const { chain, signer } = await world.server()
      const server = new ScriptedServer({ crypto, chain, signer, ...script })
      const conversation = await converse(client(options), server, way)
      return Object.defineProperty(conversation, 'server', { value: server }) as Meeting
    },
    async meet12(script = {}, options = {}, way = {}) {
      const { chain, signer } = await world.server()
      const server = new ScriptedServer12({ crypto, chain, signer, ...script })
      const conversation = await converse(client(options), server, way)
      return Object.defineProperty(conversation, 'server', { value: server }) as Meeting12
    },
  }
  return world
}

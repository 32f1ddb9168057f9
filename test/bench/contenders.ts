// Who runs against whom, each over the same JavaScript Duplex around a TCP socket: Underpass, OpenSSL through node:tls,
// nothing at all, and the other TLS clients there are. Libraries are loaded when their contender is asked for.
import { connect as connectTcp, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { createSecureContext, connect as tlsConnect } from 'node:tls'
import { deferred } from '../../src/stream/deferred.js'
import type { Session, SessionStore } from '../../src/tls/index.js'
import { type Link, linkOfStream } from './link.js'

export interface Setup {
  readonly port: number
  readonly serverName: string
  /** PEM. */
  readonly ca: string
  readonly identity?: { readonly certificate: string; readonly privateKey: string }
  /** `first`: sessions are kept, and each handshake is the first one all the same. */
  readonly resume?: boolean | 'first'
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3'
}

export type Connect = () => Promise<Link>

export const contenders: Readonly<Record<string, (setup: Setup) => Promise<Connect>>> = {
  plain:
    async ({ port }) =>
    async () =>
      linkOfStream(await duplexTo(port)),
  underpass,
  'node:tls': nodeTls,
  subtls,
  reclaim,
  'lemon-tls': lemon,
  'forge.tls': forge,
  'underpass tunnel': async (setup) => (await import('./tunnel-contenders.js')).throughDialer(setup),
  'node:tls in the tunnel': async (setup) => (await import('./tunnel-contenders.js')).throughNode(setup),
}

/** Bytes through JavaScript both ways, as through any tunnel. */
export function duplexOver(socket: Socket): Duplex {
  const stream = new Duplex({
    read: () => void socket.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      if (socket.write(chunk)) done()
      else socket.once('drain', done)
    },
    writev: (chunks, done) => {
      socket.cork()
      let more = true
      for (const { chunk } of chunks) more = socket.write(chunk)
      socket.uncork()
      if (more) done()
      else socket.once('drain', done)
    },
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy()
      done(error)
    },
  })
  socket.on('data', (chunk) => {
    if (!stream.push(chunk)) socket.pause()
  })
  socket.on('end', () => stream.push(null))
  socket.on('error', (error) => stream.destroy(error))
  return stream
}

function socketTo(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    socket.on('connect', () => resolve(socket)).on('error', reject)
  })
}

async function duplexTo(port: number): Promise<Duplex> {
  return duplexOver(await socketTo(port))
}

async function underpass({ port, serverName, ca, identity, resume, maxVersion }: Setup): Promise<Connect> {
  const { nodeCrypto } = await import('../../src/platform/node/crypto.js')
  const { wireFromSocket } = await import('../../src/platform/node/wire.js')
  const { Connection, tunnelSocket } = await import('../../src/stream/index.js')
  const { tlsClient } = await import('../../src/tls/index.js')
  const { loadIdentity, trustStore } = await import('../../src/pki/index.js')
  const { duplex } = await import('../../src/duplex/index.js')
  const trust = trustStore(ca)
  const loaded = identity && (await loadIdentity(identity, nodeCrypto))
  let kept: Session | undefined
  // node:tls gives no new ticket for one that was used, and its client uses one again and again: so do we, here.
  const session: SessionStore = { get: () => kept, set: (_key, given) => (kept = given), delete: () => true }
  return async () => {
    if (resume === 'first') kept = undefined
    const known = kept !== undefined
    const wire = wireFromSocket((await duplexTo(port)) as Socket)
    const connection = new Connection(wire, { clock: () => performance.now() })
    const tls = tlsClient({
      crypto: nodeCrypto,
      now: () => Date.now(),
      serverName,
      trust,
      identity: loaded,
      ...(resume && { session }),
      ...(maxVersion === 'TLSv1.2' && { versions: ['TLSv1.2'] }),
    })
    const info = await connection.push(tls)
    if (resume && known && !info.resumed) throw new Error('not resumed')
    return linkOfStream(duplex(tunnelSocket(connection.wire(), info, { closed: connection.closed })))
  }
}

async function nodeTls({ port, serverName, ca, identity, resume, maxVersion }: Setup): Promise<Connect> {
  const secureContext = createSecureContext({
    ca,
    ...(identity && { cert: identity.certificate, key: identity.privateKey }),
    ...(maxVersion && { maxVersion }),
  })
  let session: Buffer | undefined
  return async () => {
    const socket = await duplexTo(port)
    const tls = tlsConnect({ socket, secureContext, servername: serverName, ...(session && { session }) })
    if (resume) tls.on('session', (given) => (session = given))
    await new Promise<void>((resolve, reject) => {
      tls.once('secureConnect', resolve).once('error', reject)
    })
    return linkOfStream(tls)
  }
}

async function subtls({ port, serverName, ca }: Setup): Promise<Connect> {
  const { ReadQueue, startTls, TrustedCert } = await import('subtls')
  class StreamQueue extends ReadQueue {
    readonly stream: Duplex
    constructor(stream: Duplex) {
      super()
      this.stream = stream
      stream.on('data', (chunk: Buffer) => this.enqueue(new Uint8Array(chunk)))
      stream.on('close', () => this.dequeue())
    }
    override moreDataMayFollow(): boolean {
      return !this.stream.destroyed
    }
  }
  const roots = await TrustedCert.databaseFromPEM(ca)
  return async () => {
    const stream = await duplexTo(port)
    const queue = new StreamQueue(stream)
    const { read, write } = await startTls(
      serverName,
      roots,
      queue.read.bind(queue),
      (data) => void stream.write(data),
    )
    return {
      write,
      listen: once((listener) => {
        void (async () => {
          for (let chunk = await read(); chunk !== undefined; chunk = await read()) listener()(chunk)
        })().catch(() => {})
      }),
      failed: failureOf(stream),
      destroy: () => void stream.destroy(),
    }
  }
}

async function reclaim({ port, serverName, ca }: Setup): Promise<Connect> {
  const { makeTLSClient, setCryptoImplementation, loadX509FromPem } = await import('@reclaimprotocol/tls')
  const { webcryptoCrypto } = await import('@reclaimprotocol/tls/webcrypto')
  setCryptoImplementation(webcryptoCrypto)
  const rootCAs = [loadX509FromPem(ca)]
  const silent = { info() {}, debug() {}, trace() {}, warn() {}, error() {} }
  return async () => {
    const stream = await duplexTo(port)
    let listener: ((chunk: Uint8Array) => void) | undefined
    const early: Uint8Array[] = []
    const failed = failureOf(stream)
    const opened = deferred()
    const tls = makeTLSClient({
      host: serverName,
      rootCAs,
      logger: silent,
      cipherSuites: ['TLS_AES_128_GCM_SHA256'],
      write({ header, content }) {
        stream.write(header)
        stream.write(content)
      },
      onHandshake: () => opened.resolve(),
      onApplicationData(chunk) {
        if (listener === undefined) early.push(chunk)
        else listener(chunk)
      },
      onTlsEnd: (error) => opened.reject(error),
    } as Parameters<typeof makeTLSClient>[0])
    stream.on('data', (chunk: Buffer) => {
      stream.pause()
      void Promise.resolve(tls.handleReceivedBytes(chunk)).then(() => stream.resume())
    })
    tls.startHandshake()
    await Promise.race([opened.promise, failed])
    return {
      write: (chunk) => tls.write(chunk) as Promise<void>,
      listen(given) {
        listener = given
        for (const chunk of early.splice(0)) given(chunk)
      },
      failed,
      destroy: () => void stream.destroy(),
    }
  }
}

async function lemon({ port, serverName, ca, identity }: Setup): Promise<Connect> {
  const { TLSSocket } = await import('lemon-tls')
  return async () => {
    const stream = await duplexTo(port)
    const tls = new TLSSocket(
      stream as Socket,
      {
        isServer: false,
        servername: serverName,
        ca,
        rejectUnauthorized: true,
        ...(identity && { cert: identity.certificate, key: identity.privateKey }),
      } as ConstructorParameters<typeof TLSSocket>[1],
    )
    await new Promise<void>((resolve, reject) => {
      tls.once('secureConnect', resolve)
      tls.once('error', reject)
    })
    return linkOfStream(tls as unknown as Duplex)
  }
}

/** TLS 1.1 with RSA and CBC is the newest that it has. */
async function forge({ port, serverName, ca }: Setup): Promise<Connect> {
  const { default: library } = await import('node-forge')
  const caStore = library.pki.createCaStore([ca])
  return async () => {
    const stream = await duplexTo(port)
    let listener: ((chunk: Uint8Array) => void) | undefined
    const early: Uint8Array[] = []
    const opened = deferred()
    const failed = failureOf(stream)
    const tls = library.tls.createConnection({
      server: false,
      caStore,
      virtualHost: serverName,
      verify: (_connection, verified) => verified,
      connected: () => opened.resolve(),
      tlsDataReady: (connection) => void stream.write(Buffer.from(connection.tlsData.getBytes(), 'latin1')),
      dataReady(connection) {
        const chunk = Buffer.from(connection.data.getBytes(), 'latin1')
        if (listener === undefined) early.push(chunk)
        else listener(chunk)
      },
      closed() {},
      error: (_connection, error) => opened.reject(new Error(error.message)),
    })
    stream.on('data', (chunk: Buffer) => void tls.process(chunk.toString('latin1')))
    tls.handshake()
    await Promise.race([opened.promise, failed])
    return {
      write(chunk) {
        tls.prepare(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1'))
        if (!stream.writableNeedDrain) return undefined
        return new Promise((resolve) => stream.once('drain', resolve))
      },
      listen(given) {
        listener = given
        for (const chunk of early.splice(0)) given(chunk)
      },
      failed,
      destroy: () => void stream.destroy(),
    }
  }
}

function failureOf(stream: Duplex): Promise<never> {
  const failed = new Promise<never>((_, reject) => {
    stream.on('error', reject)
    stream.on('close', () => reject(new Error('closed')))
  })
  failed.catch(() => {})
  return failed
}

function once(start: (listener: () => (chunk: Uint8Array) => void) => void): Link['listen'] {
  let current: ((chunk: Uint8Array) => void) | undefined
  return (listener) => {
    const first = current === undefined
    current = listener
    if (first) start(() => current!)
  }
}

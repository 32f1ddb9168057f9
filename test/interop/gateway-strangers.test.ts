// Clients that we did not write: OpenSSL and GnuTLS on the direct door, python3-websockets and npm's `ws` on the upgrade
// endpoint; and a middlebox that masks anew, cuts apart and joins what passes through it.
import { spawn } from 'node:child_process'
import { Duplex } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import { type TemporaryFolder, temporaryFolder } from '../support/files.js'
import { describePeer, recordExercised, requireProgram } from '../support/peers.js'
import {
  closeAll,
  credentials,
  eventOf,
  innerTls,
  onClose,
  outer,
  readAll,
  request,
  startGateway,
  startService,
  upgradeLines,
} from '../unit/gateway/clients.js'

afterEach(closeAll)

async function files(): Promise<TemporaryFolder> {
  const { alice, mallory, serverCa } = await credentials()
  const folder = await temporaryFolder('strangers')
  onClose(folder.remove)
  await Promise.all([
    folder.write('alice.crt', alice.cert),
    folder.write('alice.key', alice.key),
    folder.write('mallory.crt', mallory.cert),
    folder.write('mallory.key', mallory.key),
    folder.write('ca.crt', serverCa),
  ])
  return folder
}

/** Run a client, type at it once it says it is ready, and gather what it prints until it has printed `wanted`. */
function converse(command: string, args: readonly string[], type: string, wanted: RegExp): Promise<string> {
  const client = spawn(command, [...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  onClose(() => client.kill('SIGKILL'))
  client.stdin.on('error', () => {})
  return new Promise((resolve) => {
    let printed = ''
    for (const stream of [client.stdout, client.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        printed += chunk.toString('latin1')
        if (wanted.test(printed)) resolve(printed)
      })
    }
    client.once('close', () => resolve(printed))
    client.stdin.write(type)
  })
}

describePeer('openssl', 'openssl s_client on the direct door', () => {
  it.each(['-tls1_3', '-tls1_2'])('comes through with %s', async (version) => {
    const folder = await files()
    const ports = await startGateway(await startService())
    const printed = await converse(
      requireProgram('openssl'),
      [
        ...['s_client', '-connect', `127.0.0.1:${ports.direct}`, version, '-alpn', 'other,echo', '-quiet'],
        ...['-servername', 'proxy.example.test', '-CAfile', `${folder.path}/ca.crt`, '-verify_return_error'],
        ...['-cert', `${folder.path}/alice.crt`, '-key', `${folder.path}/alice.key`],
      ],
      'hello from outside\n',
      /hello from outside/,
    )
    expect(printed).toContain('hello from outside')
    expect(await eventOf(ports.events, 'opened')).toMatchObject({
      alpn: 'echo',
      version: version === '-tls1_3' ? 'TLSv1.3' : 'TLSv1.2',
      client: { commonName: 'alice' },
    })
  })

  it('is told by an alert when it shows no certificate', async () => {
    const ports = await startGateway(await startService())
    const printed = await converse(
      requireProgram('openssl'),
      ['s_client', '-connect', `127.0.0.1:${ports.direct}`, '-alpn', 'echo', '-tls1_3', '-ign_eof'],
      'x\n',
      /alert number \d+/,
    )
    expect(printed).toMatch(/alert number 116/)
    expect((await eventOf(ports.events, 'refused')).error.code).toBe('ERR_GATEWAY_DENIED')
  })
})

describePeer('gnutlsClient', 'gnutls-cli on the direct door', () => {
  it.each([
    ['NORMAL:-VERS-ALL:+VERS-TLS1.3', 'TLSv1.3'],
    ['NORMAL:-VERS-ALL:+VERS-TLS1.2', 'TLSv1.2'],
  ])('comes through with %s', async (priority, version) => {
    const folder = await files()
    const ports = await startGateway(await startService())
    const printed = await converse(
      requireProgram('gnutls-cli'),
      [
        ...['-p', String(ports.direct), '127.0.0.1', '--alpn', 'echo', '--priority', priority],
        ...['--sni-hostname', 'proxy.example.test', '--verify-hostname', 'proxy.example.test'],
        ...['--x509cafile', `${folder.path}/ca.crt`],
        ...['--x509certfile', `${folder.path}/alice.crt`, '--x509keyfile', `${folder.path}/alice.key`],
      ],
      'hello from outside\n',
      /Simple Client Mode.*hello from outside/s,
    )
    expect(printed).toMatch(/Handshake was completed.*hello from outside/s)
    expect(await eventOf(ports.events, 'opened')).toMatchObject({
      alpn: 'echo',
      version,
      client: { commonName: 'alice' },
    })
  })
})

describePeer('pythonWebsockets', 'python3-websockets on the upgrade endpoint', () => {
  // The inner TLS is Python's too: not a byte of it is ours.
  const script = `
import asyncio, ssl, sys, websockets
port, folder = sys.argv[1:]
context = ssl.create_default_context(cafile=folder + '/ca.crt')
context.load_cert_chain(folder + '/alice.crt', folder + '/alice.key')
context.set_alpn_protocols(['echo'])
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = context.wrap_bio(incoming, outgoing, server_hostname='proxy.example.test')
async def main():
    uri = f'ws://127.0.0.1:{port}/webapi/connectionupgrade'
    async with websockets.connect(uri, subprotocols=['alpn-ping']) as ws:
        async def until(step):
            while True:
                try:
                    result = step()
                    if outgoing.pending:
                        await ws.send(outgoing.read())
                    return result
                except ssl.SSLWantReadError:
                    if outgoing.pending:
                        data = outgoing.read()
                        await ws.send([data[:1], data[1:5], data[5:]] if len(data) > 5 else data)
                    incoming.write(await ws.recv())
        await until(tls.do_handshake)
        payload = bytes(range(256)) * 400
        await until(lambda: tls.write(payload))
        got = b''
        while len(got) < len(payload):
            got += await until(lambda: tls.read(65536))
        await ws.ping()
        print('same' if got == payload else 'different', ws.subprotocol, tls.version(), tls.selected_alpn_protocol())
asyncio.run(main())
`
  it('comes through, in fragments', async () => {
    const folder = await files()
    const ports = await startGateway(await startService())
    const path = await folder.write('client.py', script)
    const printed = await converse('/usr/bin/python3', [path, String(ports.upgrade), folder.path], '', /\n$/)
    expect(printed).toBe('same alpn-ping TLSv1.3 echo\n')
  })
})

describe("npm's ws on the upgrade endpoint", () => {
  it('comes through', async () => {
    recordExercised('ws (npm)', '8.23.0')
    const ports = await startGateway(await startService())
    const secure = await innerTls(await outer('websocket', ports))
    secure.end(Buffer.alloc(300_000, 'ws'))
    expect((await readAll(secure)).length).toBe(300_000)
    expect((await eventOf(ports.events, 'closed')).error).toBeUndefined()
  })
})

describe('a middlebox between client and gateway', () => {
  it.each([
    ['masks anew', { mask: () => Buffer.of(0xde, 0xad, 0xbe, 0xef), pieces: 1 << 20, join: 1 }],
    [
      'cuts messages into fragments of a few bytes',
      { mask: () => Buffer.of(1, 2, 3, 4), pieces: 7, join: 1 },
    ],
    ['joins messages', { mask: () => Buffer.alloc(4), pieces: 1 << 20, join: 60_000 }],
  ])('that %s changes nothing', async (_, manner) => {
    const ports = await startGateway(await startService(), { limits: { fragments: 20_000 } })
    const { socket, status } = await request(
      ports.upgrade,
      upgradeLines(
        ...['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'],
        ...['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Protocol: alpn-ping'],
      ),
    )
    expect(status).toBe(101)
    const secure = await innerTls(new Reframed(socket, manner))
    const sent = Buffer.alloc(100_000, 'middle')
    secure.end(sent)
    expect((await readAll(secure)).equals(sent)).toBe(true)
    expect((await eventOf(ports.events, 'closed')).error).toBeUndefined()
  })
})

interface Manner {
  readonly mask: () => Buffer
  /** Bytes in a frame at most. */
  readonly pieces: number
  /** Bytes gathered into one message, as far as they are there in one turn. */
  readonly join: number
}

/** Writes client frames in a manner, reads server frames. RFC 6455 §5.2, written for this test. */
class Reframed extends Duplex {
  readonly #below: Duplex
  readonly #manner: Manner
  #in = Buffer.alloc(0)
  #out: Buffer[] = []

  constructor(below: Duplex, manner: Manner) {
    super()
    this.#below = below
    this.#manner = manner
    below.on('data', (chunk: Buffer) => this.#read(chunk))
    below.on('end', () => this.push(null))
    below.on('close', () => this.destroy())
    below.resume()
    this.on('error', () => {})
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#out.push(chunk)
    if (this.#out.length === 1) setImmediate(() => this.#flush())
    callback()
  }

  override _final(callback: () => void): void {
    callback()
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#below.destroy()
    callback(error)
  }

  #flush(): void {
    const { join } = this.#manner
    const messages = join > 1 ? [Buffer.concat(this.#out)] : this.#out
    this.#out = []
    for (const message of messages) {
      const frames = Math.ceil(message.length / this.#manner.pieces)
      for (let i = 0; i < frames; i++) {
        const piece = message.subarray(i * this.#manner.pieces, (i + 1) * this.#manner.pieces)
        const opcode = (i === 0 ? 2 : 0) | (i === frames - 1 ? 0x80 : 0)
        const mask = this.#manner.mask()
        const head = Buffer.from([opcode, 0x80 | 127, ...new Array(8).fill(0), ...mask])
        head.writeUInt32BE(piece.length, 6)
        this.#below.write(Buffer.concat([head, piece.map((byte, at) => byte ^ mask[at % 4]!)]))
      }
    }
  }

  #read(chunk: Buffer): void {
    this.#in = Buffer.concat([this.#in, chunk])
    for (;;) {
      if (this.#in.length < 2) return
      const short = this.#in[1]! & 0x7f
      const start = short === 127 ? 10 : short === 126 ? 4 : 2
      if (this.#in.length < start) return
      const length =
        short === 127 ? this.#in.readUInt32BE(6) : short === 126 ? this.#in.readUInt16BE(2) : short
      if (this.#in.length < start + length) return
      if ((this.#in[0]! & 0x0f) === 2) this.push(this.#in.subarray(start, start + length))
      this.#in = this.#in.subarray(start + length)
    }
  }
}

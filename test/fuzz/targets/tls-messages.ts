// Parsers of single handshake messages, with nothing around them: any body for any parser, and what is read of a real one is
// written again to the byte.
import fc from 'fast-check'
import { concat, equal, fromHex, latin1 } from '../../../src/bytes/index.js'
import * as certificate from '../../../src/tls/messages/certificate.js'
import * as request from '../../../src/tls/messages/certificate-request.js'
import * as request12 from '../../../src/tls/messages/certificate-request12.js'
import * as verify from '../../../src/tls/messages/certificate-verify.js'
import * as certificate12 from '../../../src/tls/messages/certificate12.js'
import { readClientHello, writeClientHello } from '../../../src/tls/messages/client-hello.js'
import {
  readEncryptedExtensions,
  writeEncryptedExtensions,
} from '../../../src/tls/messages/encrypted-extensions.js'
import { readKeyUpdate, writeKeyUpdate } from '../../../src/tls/messages/key-update.js'
import type { HandshakeMessage } from '../../../src/tls/messages/message.js'
import { readNewSessionTicket, writeNewSessionTicket } from '../../../src/tls/messages/new-session-ticket.js'
import {
  readNewSessionTicket12,
  writeNewSessionTicket12,
} from '../../../src/tls/messages/new-session-ticket12.js'
import { readServerHello, writeServerHello } from '../../../src/tls/messages/server-hello.js'
import { readServerHello12 } from '../../../src/tls/messages/server-hello12.js'
import {
  ecdhParams,
  readServerKeyExchange,
  writeServerKeyExchange,
} from '../../../src/tls/messages/server-key-exchange.js'
import { applied, type Edit, edits } from '../bytes.js'
import { material } from '../material.js'
import { must, outcome, type Target, target } from '../target.js'

interface Message {
  readonly parser: number
  readonly real: number
  readonly edits: readonly Edit[]
}

interface Parser {
  read(message: HandshakeMessage): unknown
  /** Where a value can be written as it was read. */
  write?(value: never): HandshakeMessage
}

const parsers: readonly Parser[] = [
  { read: (m) => readServerHello(m).value },
  { read: (m) => readServerHello12(m).value },
  { read: (m) => readEncryptedExtensions(m).value },
  { read: (m) => request.readCertificateRequest(m).value },
  { read: (m) => request12.readCertificateRequest12(m).value, write: request12.writeCertificateRequest12 },
  { read: (m) => certificate.readCertificate(m).value },
  { read: (m) => certificate12.readCertificate12(m).value, write: certificate12.writeCertificate12 },
  { read: (m) => verify.readCertificateVerify(m).value, write: verify.writeCertificateVerify },
  { read: (m) => readKeyUpdate(m).value, write: writeKeyUpdate },
  { read: (m) => readNewSessionTicket(m).value },
  { read: (m) => readNewSessionTicket12(m).value, write: writeNewSessionTicket12 },
  { read: (m) => readServerKeyExchange(m).value, write: writeServerKeyExchange },
  { read: (m) => readClientHello(m).value },
]

export const tlsMessagesTarget: Target = target('tls-messages', 'parsers of handshake messages', async () => {
  const { certificates } = await material()
  const random = new Uint8Array(32).fill(5)
  const real: readonly HandshakeMessage[] = [
    writeServerHello({
      legacyVersion: 0x303,
      random,
      sessionId: random,
      suite: 0x1301,
      compression: 0,
      version: 0x304,
      keyShare: { group: 29, key: random },
    }),
    writeServerHello({
      legacyVersion: 0x303,
      random,
      sessionId: random,
      suite: 0x1301,
      compression: 0,
      version: 0x304,
      group: 24,
      cookie: random,
    }),
    writeServerHello({ legacyVersion: 0x303, random, sessionId: random, suite: 0xc02f, compression: 0 }, [
      [23, new Uint8Array(0)],
      [0xff01, new Uint8Array(1)],
    ]),
    writeEncryptedExtensions('h2', [
      [10, fromHex('0002001d')],
      [0, new Uint8Array(0)],
      [28, fromHex('4000')],
    ]),
    request.writeCertificateRequest({
      context: new Uint8Array(0),
      signatureSchemes: [0x403, 0x804],
      authorities: [latin1('0')],
    }),
    request12.writeCertificateRequest12({
      types: [1, 64],
      signatureSchemes: [0x403],
      authorities: [latin1('0')],
    }),
    certificate.writeCertificate(certificates.slice(0, 2)),
    certificate12.writeCertificate12(certificates.slice(0, 2)),
    verify.writeCertificateVerify({ scheme: 0x403, signature: new Uint8Array(70) }),
    writeKeyUpdate('update_requested'),
    writeNewSessionTicket({ lifetime: 7200, ageAdd: 1, nonce: random, ticket: random }, [
      [42, new Uint8Array(4)],
    ]),
    writeNewSessionTicket12({ lifetime: 7200, ticket: random }),
    writeServerKeyExchange({
      params: ecdhParams({ group: 29, key: random }),
      scheme: 0x403,
      signature: random,
    }),
    writeClientHello({
      random,
      sessionId: random,
      suites: [0x1301, 0xc02b],
      serverName: 'inner.example.com',
      groups: [29, 23],
      signatureSchemes: [0x403],
      alpn: ['a', 'b'],
      versions: [0x304, 0x303],
      keyShares: [{ group: 29, key: random }],
      cookie: random,
      ticket: random,
    }),
  ]
  return {
    input: fc.record({ parser: fc.nat(parsers.length - 1), real: fc.nat(real.length - 1), edits }),
    execute({ parser, real: chosen, edits: changes }: Message) {
      const body = applied(real[chosen]!.bytes.subarray(4), changes)
      const type = real[chosen]!.type
      const bytes = concat(
        new Uint8Array([type, body.length >> 16, (body.length >> 8) & 255, body.length & 255]),
        body,
      )
      const { read, write } = parsers[parser]!
      const { value } = outcome(() => read({ type, bytes }))
      const bare = outcome(() => read({ type, bytes, unwatched: true }))
      must(
        (value === undefined) === (bare.value === undefined),
        'whether somebody watches decides what is read',
      )
      if (value === undefined || write === undefined) return
      must(equal(write(value as never).bytes.subarray(4), body), 'what was read is not written the same')
    },
  }
})

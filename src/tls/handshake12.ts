// The TLS 1.2 handshake of a client, in the RFC's order, from ServerHello to the last Finished. RFC 5246 §7.3, §7.4.
//
//   ClientHello ────►
//                ◄──── ServerHello Certificate ServerKeyExchange CertificateRequest* ServerHelloDone
//   Certificate* ClientKeyExchange CertificateVerify* [ChangeCipherSpec] Finished ────►
//                ◄──── NewSessionTicket* [ChangeCipherSpec] Finished
//
// When a session goes on, the server's last line follows ServerHello at once, and our last two come after it. Only what is
// safe is spoken: ECDHE, AEADs, extended master secret, secure renegotiation (of which none is done).

import { type Bytes, concat, equal, hex } from '../bytes/index.js'
import { isPostQuantum } from '../crypto/groups.js'
import { failure } from '../errors.js'
import type { Identity, VerifiedChain } from '../pki/index.js'
import { type Channel, expect, observe } from './channel.js'
import { channelBinding, loadChannelBinding } from './channel-binding.js'
import { chooseIdentity, chooseScheme, fingerprint, signOwn } from './client-certificate.js'
import { acceptProtocol, type FirstAnswer } from './handshake13.js'
import type { Offer } from './hello.js'
import { type CertificateRequest12, readCertificateRequest12 } from './messages/certificate-request12.js'
import { writeCertificateVerify } from './messages/certificate-verify.js'
import { readCertificate12, writeCertificate12 } from './messages/certificate12.js'
import { writeClientKeyExchange } from './messages/client-key-exchange.js'
import { readFinished, writeFinished } from './messages/finished.js'
import { type HandshakeMessage, hex16, type Parsed, type WrittenMessage } from './messages/message.js'
import { readNewSessionTicket12 } from './messages/new-session-ticket12.js'
import type { ServerHello } from './messages/server-hello.js'
import { readServerHelloDone } from './messages/server-hello-done.js'
import { readServerHello12, type ServerHello12 } from './messages/server-hello12.js'
import { readServerKeyExchange } from './messages/server-key-exchange.js'
import type { TlsConfig, TlsInfo } from './options.js'
import type { Post } from './post.js'
import { post12 } from './post12.js'
import {
  inheritSignature,
  type Proof,
  type Proofs,
  proveChain,
  proveFinished,
  proveSignature12,
} from './proofs.js'
import { MAX_EXPANSION, Opener12, Sealer12 } from './protection12.js'
import {
  extensionType,
  type HandshakeName,
  handshakeType,
  MAX_PLAINTEXT,
  nameOf,
  type SignatureScheme,
} from './registry.js'
import {
  type CipherSuite12,
  cipherSuites12,
  clientCertificateType,
  schemeFits12,
  suiteFits12,
} from './registry12.js'
import { peerUnder } from './resumption.js'
import { keepSession12, type Resumption12 } from './resumption12.js'
import {
  exportKeyingMaterial12,
  extendedMasterSecret,
  type Randoms,
  recordKeys,
  verifyData,
} from './schedule12.js'
import { type Authentication, forgetSession, type Session12 } from './session.js'
import { Transcript } from './transcript.js'

/** A handshake that is over: nobody without all three proofs gets here. */
export interface Established12 {
  readonly info: TlsInfo
  readonly proofs: Proofs
  readonly post: Post
}

/** What the peers know of each other and share, from this handshake or an earlier one. */
interface Agreement {
  readonly master: Bytes
  readonly group: string
  readonly peer: VerifiedChain & Proof<'chain'>
  readonly signature: Proof<'signature'>
  readonly authentication: Authentication
  readonly identity: Identity | undefined
}

export async function handshake12(
  config: TlsConfig,
  channel: Channel,
  offer: Offer,
  { message, serverHello }: FirstAnswer,
): Promise<Established12> {
  const { trace } = channel
  channel.useTls12()

  // ServerHello
  const suite = acceptHello(config, serverHello)
  const { hash } = suite
  await hash.load?.()
  const extensions = readServerHello12(message).value
  acceptExtensions(offer, serverHello, extensions)
  acceptRecordSize(config, channel, extensions)
  const alpn = acceptProtocol(config, extensions)
  if (alpn !== undefined) trace({ type: 'check', name: 'alpn', facts: { selected: alpn } })
  const resumption = acceptSession(offer, serverHello)
  const randoms: Randoms = { client: offer.hello.random, server: serverHello.random }
  const transcript = new Transcript(hash, offer.message)
  /** The messages themselves: CertificateVerify signs them, not their hash. */
  const messages = [offer.message.bytes]
  add(message)

  // Certificate to ServerHelloDone, Certificate to CertificateVerify, or what they came to when the session was made
  const agreement = resumption === undefined ? await agree() : await inherit(resumption)
  const { master, peer, signature, authentication } = agreement
  await loadChannelBinding(config.crypto, peer.leaf)
  const keys = recordKeys(suite, master, randoms)
  config.keylog?.(`CLIENT_RANDOM ${hex(randoms.client)} ${hex(master)}`)

  // Our Finished, unless the server goes first
  if (resumption === undefined) await finish()

  // NewSessionTicket, Finished
  // RFC 5077 §3.3: it comes if the server said so, and MUST NOT otherwise.
  const ticket = serverHello.extensions.has(extensionType.session_ticket)
    ? await read('new_session_ticket', readNewSessionTicket12)
    : undefined
  await expect(channel, 'change_cipher_spec')
  channel.openReading12(new Opener12(suite, keys.server))
  message = await expect(channel, 'finished')
  const theirs = observe(trace, message, readFinished(message))
  const finished = proveFinished(verifyData(hash, master, 'server', transcript.digest()), theirs)
  trace({ type: 'check', name: 'finished', facts: {} })
  add(message)
  channel.requireBoundary()
  if (resumption !== undefined) await finish()

  const { serverName } = offer.hello
  const facts = { ...authentication, suite: suite.id, serverName, alpn, receivedAt: config.now() }
  const session = { ...facts, master, group: agreement.group, resumption }
  const kept = keepSession12(config, session, serverHello.sessionId, ticket)
  return {
    proofs: { chain: peer, signature, finished },
    post: postOf(config, kept),
    info: infoOf(config, suite, randoms, agreement, { alpn, serverName, resumed: resumption !== undefined }),
  }

  /** RFC 5246 §7.4.2 to §7.4.8. */
  async function agree(): Promise<Agreement> {
    // Certificate
    const chain = await read('certificate', readCertificate12)
    // RFC 5246 §7.4.2: for ECDHE the server MUST send one.
    if (chain.length === 0) throw failure('ERR_CERT_MISSING')
    const peer = await proveChain(config, chain, alpn)
    trace({ type: 'check', name: 'chain', facts: { verified: peer.verified, length: peer.path.length } })
    const { key } = peer.leaf.publicKey
    // RFC 8422 §2: the key MUST be of the kind that the suite signs with.
    if (!suiteFits12(suite, key))
      throw failure('ERR_TLS_ILLEGAL_PARAMETER', `key of kind ${key.kind} for ${suite.name}`)

    // ServerKeyExchange
    const exchange = await read('server_key_exchange', readServerKeyExchange)
    const group = config.crypto.groups.find(({ id }) => id === exchange.share.group)
    // RFC 8422 §5.4: the group MUST be one offered; what is made of ML-KEM is for TLS 1.3 only.
    if (group === undefined || isPostQuantum(group))
      throw failure('ERR_TLS_ILLEGAL_PARAMETER', `group ${hex16(exchange.share.group)}`)
    const signed = concat(randoms.client, randoms.server, exchange.params)
    const signature = await proveSignature12(config, peer.leaf, exchange, signed)
    trace({ type: 'check', name: 'signature', facts: { scheme: signature.scheme.name } })

    // CertificateRequest, ServerHelloDone
    let request: CertificateRequest12 | undefined
    let message = await expect(channel, 'certificate_request', 'server_hello_done')
    if (message.type === handshakeType.certificate_request) {
      request = take(message, readCertificateRequest12)
      channel.setClientCertificate('requested')
      message = await expect(channel, 'server_hello_done')
    }
    take(message, readServerHelloDone)
    // RFC 5246 §7.4.5: after it the server waits for us.
    channel.requireBoundary()

    // Our Certificate, ClientKeyExchange, CertificateVerify
    const share = await group.generate()
    const premaster = await share.derive(exchange.share.key)
    const identity = request && (await chooseIdentity(config, alpn, request))
    // RFC 5246 §7.4.6: a client without a certificate MUST send an empty list.
    if (request !== undefined) send(writeCertificate12(identity?.chain ?? []))
    send(writeClientKeyExchange(share.publicKey))
    const master = extendedMasterSecret(hash, premaster, transcript.digest())
    // RFC 5246 §8.1: the premaster secret should be deleted once the master secret has been computed.
    premaster.fill(0)
    if (request !== undefined && identity !== undefined) {
      const scheme = chooseOwnScheme(identity, request)
      const signature = await signOwn(config, identity, scheme, concat(...messages))
      send(writeCertificateVerify({ scheme: scheme.id, signature }))
      channel.setClientCertificate('sent')
    }
    return {
      master,
      group: group.name,
      peer,
      signature,
      identity,
      authentication: {
        chain,
        signature: signature.scheme.name,
        authenticatedAt: config.now(),
        client: request && {
          signatureSchemes: request.signatureSchemes,
          authorities: request.authorities,
          fingerprint: fingerprint(config, identity),
        },
      },
    }
  }

  /** RFC 5246 §7.3: those of the session hold; for another protocol than the session's others may be expected. */
  async function inherit(resumption: Resumption12): Promise<Agreement> {
    const { session } = resumption
    const { master, group } = session
    const peer = await peerUnder(config, resumption, alpn)
    return {
      master,
      group,
      peer,
      signature: inheritSignature(resumption),
      identity: undefined,
      authentication: session,
    }
  }

  /** RFC 5246 §7.1, §7.4.9. */
  async function finish(): Promise<void> {
    channel.sendChangeCipherSpec()
    channel.openWriting12(new Sealer12(suite, keys.client))
    send(writeFinished(verifyData(hash, master, 'client', transcript.digest())))
    await channel.flush()
  }

  async function read<T>(name: HandshakeName, parse: (message: HandshakeMessage) => Parsed<T>): Promise<T> {
    return take(await expect(channel, name), parse)
  }

  function take<T>(message: HandshakeMessage, parse: (message: HandshakeMessage) => Parsed<T>): T {
    const value = observe(trace, message, parse(message))
    add(message)
    return value
  }

  function send(message: WrittenMessage): void {
    channel.send(message)
    add(message)
  }

  function add(message: HandshakeMessage): void {
    transcript.add(message)
    messages.push(message.bytes)
  }
}

/** RFC 5246 §7.2.2: after a fatal alert, sent or received, the session MUST NOT be resumed. */
function postOf(config: TlsConfig, session: Session12 | undefined): Post {
  return { ...post12, failed: () => void (session && forgetSession(config, session)) }
}

/** Apart from the handshake, so that what it leaves in the connection's hands keeps none of its messages alive. */
function infoOf(
  { crypto }: TlsConfig,
  suite: CipherSuite12,
  randoms: Randoms,
  { master, group, peer, identity, authentication }: Agreement,
  facts: Pick<TlsInfo, 'alpn' | 'serverName' | 'resumed'>,
): TlsInfo {
  return {
    version: 'TLSv1.2',
    suite: suite.name,
    group,
    peer,
    signature: authentication.signature,
    clientCertificate: identity !== undefined,
    ...facts,
    exportKeyingMaterial,
    channelBinding: (type) => channelBinding(type, crypto, peer.leaf, exportKeyingMaterial),
  }

  function exportKeyingMaterial(label: string, context: Uint8Array | undefined, length: number): Bytes {
    return exportKeyingMaterial12(suite.hash, master, randoms, label, context, length)
  }
}

/** RFC 5246 §7.4.1.3; the version was read before. */
function acceptHello({ crypto }: TlsConfig, { suite: id, compression }: ServerHello): CipherSuite12 {
  const suite = cipherSuites12(crypto).find((offered) => offered.id === id)
  // RFC 5246 §7.4.1.3: one of those offered, and of those that are for this version.
  if (suite === undefined) throw failure('ERR_TLS_ILLEGAL_PARAMETER', `cipher suite ${hex16(id)}`)
  // RFC 5246 §7.4.1.3: null was the only method offered.
  if (compression !== 0) throw failure('ERR_TLS_ILLEGAL_PARAMETER', `compression method ${compression}`)
  return suite
}

/** RFC 5246 §7.4.1.4: only answers to what was offered; and the two without which there is no safe handshake. */
function acceptExtensions(
  offer: Offer,
  { extensions }: ServerHello,
  { renegotiation, pointFormats }: ServerHello12,
): void {
  for (const type of extensions)
    if (!offer.extensions.has(type) || !allowedInServerHello.has(type))
      throw failure('ERR_TLS_UNSUPPORTED_EXTENSION', `${nameOf(extensionType, type)} in ServerHello`)
  // RFC 7627 §5.2, §5.4: without it two connections can be made to share a master secret, and we go no further.
  if (!extensions.has(extensionType.extended_master_secret)) throw failure('ERR_TLS_EXTENDED_MASTER_SECRET')
  // RFC 5746 §3.4, §4.1: without it a handshake of somebody else may come before ours unseen.
  if (renegotiation === undefined) throw failure('ERR_TLS_SECURE_RENEGOTIATION')
  // RFC 5746 §3.4: in a first handshake renegotiated_connection MUST be empty.
  if (renegotiation.length > 0) throw failure('ERR_TLS_SECURE_RENEGOTIATION', 'of another connection')
  // RFC 8422 §5.2: a list without the uncompressed format MUST be refused with illegal_parameter.
  if (pointFormats?.includes(0) === false)
    throw failure('ERR_TLS_ILLEGAL_PARAMETER', 'no uncompressed points')
}

const allowedInServerHello: ReadonlySet<number> = new Set([
  extensionType.server_name,
  // RFC 8422 §5.2 has no answer to it; some load balancers give one.
  extensionType.supported_groups,
  extensionType.ec_point_formats,
  extensionType.application_layer_protocol_negotiation,
  extensionType.extended_master_secret,
  extensionType.record_size_limit,
  extensionType.session_ticket,
  extensionType.renegotiation_info,
])

/** RFC 8449 §4; here the limit counts content only. */
function acceptRecordSize(
  { recordSizeLimit: ours }: TlsConfig,
  channel: Channel,
  { recordSizeLimit: theirs }: ServerHello12,
): void {
  if (theirs === undefined) return
  // RFC 8449 §4: less than 64 MUST be refused with illegal_parameter.
  if (theirs < 64) throw failure('ERR_TLS_ILLEGAL_PARAMETER', `record_size_limit ${theirs}`)
  // A TLS 1.3 server that speaks TLS 1.2 with us may well name the byte more that TLS 1.3 has.
  channel.limitRecords({
    send: Math.min(theirs, MAX_PLAINTEXT),
    receive: Math.min(ours, MAX_PLAINTEXT) + MAX_EXPANSION,
  })
}

/** The session that the server goes on with. RFC 5246 §7.4.1.3, RFC 5077 §3.4: it says so by the session id. */
function acceptSession(
  { hello, resumption12 }: Offer,
  { sessionId, suite }: ServerHello,
): Resumption12 | undefined {
  if (sessionId.length === 0 || !equal(sessionId, hello.sessionId)) return undefined
  // RFC 8446 §D.4 has us send an id that means nothing to anybody: nobody can know it.
  if (resumption12 === undefined) throw failure('ERR_TLS_ILLEGAL_PARAMETER', 'session_id')
  // RFC 5246 §7.4.1.3: it MUST be the cipher suite of the session.
  if (suite !== resumption12.session.suite)
    throw failure('ERR_TLS_ILLEGAL_PARAMETER', 'another cipher suite than the session has')
  return resumption12
}

/** RFC 5246 §7.4.4, §7.4.8: a scheme and a kind of certificate that the server accepts. */
function chooseOwnScheme(
  { signer }: Identity,
  { types, signatureSchemes }: CertificateRequest12,
): SignatureScheme {
  if (!types.includes(clientCertificateType(signer.key)))
    throw failure('ERR_TLS_NO_SIGNATURE_OVERLAP', `certificate of kind ${signer.key.kind}`)
  return chooseScheme(signer, signatureSchemes, schemeFits12)
}

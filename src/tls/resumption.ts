// Resuming a session: whether it may be offered, the pre_shared_key extension that offers it, and its acceptance. Only
// with a fresh key exchange (psk_dhe_ke), never with early data. RFC 8446 §2.2, §4.2.11.
import { type Bytes, equal } from '../bytes/index.js'
import { deriveSecret } from '../crypto/hkdf.js'
import type { CipherSuite, Hash } from '../crypto/provider.js'
import { failure } from '../errors.js'
import type { VerifiedChain } from '../pki/index.js'
import { chooseIdentity, fingerprint } from './client-certificate.js'
import type { Server } from './handshake13.js'
import type { OfferedPsk } from './messages/client-hello.js'
import type { TlsConfig } from './options.js'
import { inheritSignature, type Proof, proveChain } from './proofs.js'
import { earlySecret, emptyHash, finishedMac } from './schedule.js'
import type { Session13, SessionFacts } from './session.js'

/** A session on offer; its chain was verified again under today's trust and time. */
export interface Resumption {
  readonly session: Session13
  readonly hash: Hash
  readonly peer: VerifiedChain & Proof<'chain'>
  /** RFC 8446 §7.1: what the binder is made with, and the Handshake Secret after it. */
  readonly early: Bytes
  /** RFC 8446 §4.2.11: the identity as it is offered at this moment. */
  offered(now: number): OfferedPsk
  /** Put the binder into a ClientHello. `before` are the messages before it, a HelloRetryRequest's case. */
  bind(hello: Uint8Array, before: Uint8Array): void
  /** Raises ERR_TLS_ILLEGAL_PARAMETER unless this is what the server may have selected. */
  accept(suite: CipherSuite, selected: number): void
  /** Who the server is by its session, once it has selected it and this protocol. */
  inherit(config: TlsConfig, alpn: string | undefined): Promise<Server>
}

/** What makes a session safe to offer: the verification that it stands for would come out the same now. */
export async function resumptionOf(config: TlsConfig, session: Session13): Promise<Resumption | undefined> {
  const suite = config.crypto.suites.find(({ id }) => id === session.suite)
  const peer = suite && (await provenAgain(config, session))
  if (suite === undefined || peer === undefined) return undefined
  // The binder is made before any server chose it.
  await suite.hash.load?.()
  const { hash } = suite
  const early = earlySecret(hash, session.psk)
  const resumption: Resumption = {
    session,
    hash,
    peer,
    early,
    offered: (now) => offered(session, hash, now),
    bind: (hello, before) => bind({ early, hash }, hello, before),
    accept: (chosen, selected) => accept(hash, chosen, selected),
    inherit: (now, alpn) => inherit(now, resumption, alpn),
  }
  return resumption
}

/** The peer of a session, if both would still be taken for who they were. */
export async function provenAgain(
  config: TlsConfig,
  session: SessionFacts,
): Promise<(VerifiedChain & Proof<'chain'>) | undefined> {
  try {
    const peer = await proveChain(config, session.chain, session.alpn)
    return (await isSameClient(config, session)) ? peer : undefined
  } catch {
    // A full handshake will say what is wrong, if it still is.
    return undefined
  }
}

/** The server takes us for who we were: that must be who we would be if it asked again. */
async function isSameClient(config: TlsConfig, { client, alpn }: SessionFacts): Promise<boolean> {
  if (client === undefined) return true
  const now = fingerprint(config, await chooseIdentity(config, alpn, client))
  return now === undefined || client.fingerprint === undefined
    ? now === client.fingerprint
    : equal(now, client.fingerprint)
}

function offered({ ticket, ageAdd, receivedAt }: Session13, hash: Hash, now: number): OfferedPsk {
  // RFC 8446 §4.2.11.1: milliseconds since it was received, plus ticket_age_add, modulo 2^32.
  const age = Math.max(0, Math.floor(now - receivedAt))
  return { identity: ticket, obfuscatedAge: (age + ageAdd) % 2 ** 32, binderLength: hash.length }
}

/** RFC 8446 §4.2.11.2. */
export function bind(
  { early, hash }: Pick<Resumption, 'early' | 'hash'>,
  hello: Uint8Array,
  before: Uint8Array,
): void {
  const binder = hello.subarray(hello.length - hash.length)
  const key = deriveSecret(hash, early, 'res binder', emptyHash(hash))
  const transcript = hash.create()
  transcript.update(before)
  // Up to and including the identities: two lengths and the binder are left out.
  transcript.update(hello.subarray(0, -hash.length - 3))
  binder.set(finishedMac(hash, key, transcript.digest()))
}

function accept(hash: Hash, suite: CipherSuite, selected: number): void {
  // RFC 8446 §4.2.11: the identity MUST be one offered, and the suite of the same hash.
  if (selected !== 0) throw failure('ERR_TLS_ILLEGAL_PARAMETER', `pre-shared key ${selected}`)
  if (suite.hash.name !== hash.name)
    throw failure('ERR_TLS_ILLEGAL_PARAMETER', `${suite.name} for a pre-shared key of another hash`)
}

/**
 * The peer of a session that goes on with this protocol. Under another than the session's both ends are asked again: the server
 * takes us for whom we showed, which may not be for everybody that speaks another protocol.
 */
export async function peerUnder(
  config: TlsConfig,
  { session, peer }: Pick<Resumption, 'peer'> & { readonly session: SessionFacts },
  alpn: string | undefined,
): Promise<VerifiedChain & Proof<'chain'>> {
  if (alpn === session.alpn) return peer
  const proven = await proveChain(config, session.chain, alpn)
  if (!(await isSameClient(config, { ...session, alpn })))
    throw failure('ERR_TLS_ILLEGAL_PARAMETER', 'a session of another identity than this protocol has')
  return proven
}

/**
 * RFC 8446 §2.2: with a pre-shared key no certificates are sent; those of the session hold. They were verified again
 * before it was offered; for another protocol than the session's others may be expected.
 */
async function inherit(config: TlsConfig, resumption: Resumption, alpn: string | undefined): Promise<Server> {
  const { chain, signature: scheme } = resumption.session
  const peer = await peerUnder(config, resumption, alpn)
  const proving = Promise.resolve({ signature: inheritSignature(resumption), scheme })
  return { peer, proving, chain, request: undefined, ours: undefined }
}

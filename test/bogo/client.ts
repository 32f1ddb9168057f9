// The TLS client that the flags describe. Goes below `tlsClient` in one thing: which signature schemes are offered, and in
// what order, is not an option of the library.
import { readFileSync } from 'node:fs'
import type { CryptoProvider, Group } from '../../src/crypto/provider.js'
import { failure } from '../../src/errors.js'
import { dangerously, trustStore } from '../../src/pki/index.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import { handshake } from '../../src/tls/handshake.js'
import { TlsClient, type TlsLayer } from '../../src/tls/layer.js'
import { configure, type TlsClientOptions } from '../../src/tls/options.js'
import { type SignatureScheme, TLS12, TLS13 } from '../../src/tls/registry.js'
import type { KeyLog } from '../../src/trace.js'
import { ApplicationRefusal, type Credentials, knownSchemes } from './credentials.js'
import { type Settings, Unimplemented } from './flags.js'
import { mlKemGroups } from './ml-kem.js'
import { underPolicy } from './policies.js'
import type { Sessions } from './session.js'

export interface ClientParts {
  readonly crypto: CryptoProvider
  readonly schemes: readonly SignatureScheme[] | undefined
}

/** The provider as the flags cut it down. Raises `Unimplemented` for groups that nobody has. */
export function cryptoFor(settings: Settings): ClientParts {
  const { curves, verifyPrefs, policy, keyUpdate, cipher } = settings
  const restricted = underPolicy(nodeCrypto, mlKemGroups, policy)
  let { crypto } = restricted
  if (curves.length > 0)
    crypto = { ...crypto, groups: curves.map((id) => groupWithId(crypto, id, '-curves')) }
  // A key good for two records is changed before the first of ours that carries data.
  if (keyUpdate)
    crypto = {
      ...crypto,
      suites: crypto.suites.map((suite) => ({ ...suite, aead: { ...suite.aead, recordLimit: 2 } })),
    }
  // It names suites of TLS 1.2 only; our lists of both versions are made of the same.
  if (cipher === 'DEFAULT:!AES')
    crypto = { ...crypto, suites: crypto.suites.filter(({ aead }) => !aead.name.startsWith('AES')) }
  else if (cipher !== undefined) throw new Unimplemented(`-cipher ${cipher}: suites are chosen by provider`)
  const ids = verifyPrefs.length > 0 ? verifyPrefs : restricted.schemes
  return { crypto, schemes: ids === undefined ? undefined : knownSchemes(ids, '-verify-prefs') }
}

export function client(
  settings: Settings,
  { crypto, schemes }: ClientParts,
  credentials: Credentials,
  sessions: Sessions,
  clock: () => number,
  keylog: KeyLog,
): TlsLayer {
  const options: TlsClientOptions = {
    crypto,
    now: clock,
    serverName: settings.hostName,
    alpn: settings.alpn,
    alpnPolicy: 'optional',
    expect: expectation(settings),
    identity: credentials.source,
    keyShares: keyShares(settings, crypto),
    keylog,
    ...sessions.options,
    ...versions(settings),
    grease: settings.grease,
  }
  const config = configure(options)
  const tuned = schemes === undefined ? config : { ...config, schemes }
  return new TlsClient(tuned, (channel) => handshake(tuned, channel))
}

/** BoringSSL's shim checks the chain when told to, and never a name. */
function expectation({
  verifyPeer,
  verifyFail,
  customVerify,
  trustCert,
}: Settings): NonNullable<TlsClientOptions['expect']> {
  if (!verifyPeer)
    return () => [{ trust: dangerously.anyCertificate('the runner did not ask for it'), purpose: 'server' }]
  // An application's own check: the older of BoringSSL's callbacks can only say handshake_failure.
  if (verifyFail)
    return () => {
      throw customVerify
        ? new ApplicationRefusal('CERTIFICATE_VERIFY_FAILED')
        : failure('ERR_TLS_NO_SIGNATURE_OVERLAP', 'refused by the application')
    }
  const trust = trustStore(readFileSync(trustCert!, 'utf8'))
  return () => [{ trust, purpose: 'server' }]
}

/** What is known of the server's groups beforehand decides what shares are sent; otherwise what was asked for. */
function keyShares(settings: Settings, crypto: CryptoProvider): readonly Group['name'][] | undefined {
  const hinted = crypto.groups.find(({ id }) => settings.supportedGroupsHint.includes(id))
  if (hinted !== undefined) return [hinted.name]
  return settings.keyShares?.map((id) => groupWithId(crypto, id, '-key-shares').name)
}

function groupWithId(crypto: CryptoProvider, id: number, flag: string): Group {
  const group = [...crypto.groups, ...mlKemGroups].find((candidate) => candidate.id === id)
  if (group === undefined) throw new Unimplemented(`${flag} ${id}: no provider has this group`)
  return group
}

function versions({ minVersion, maxVersion, excludedVersions }: Settings): Partial<TlsClientOptions> {
  const wanted = [TLS13, TLS12].filter(
    (version) => version >= minVersion && version <= maxVersion && !excludedVersions.includes(version),
  )
  return { versions: wanted.map((version) => (version === TLS13 ? 'TLSv1.3' : 'TLSv1.2')) }
}

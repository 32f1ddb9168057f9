// Mutual TLS from our side: which certificate, which scheme, and what a refusal is called. RFC 8446 §4.3.2, §4.4.2, §4.4.3.
import { beforeAll, describe, expect, it } from 'vitest'
import { latin1 } from '../../../src/bytes/index.js'
import type { AlertName, ErrorCode } from '../../../src/errors.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import type { IdentityRequest } from '../../../src/tls/index.js'
import { createWorld, serverName, type World } from '../../support/tls-server/index.js'

let world: World
beforeAll(async () => {
  world = await createWorld(nodeCrypto)
})

describe('a client certificate', () => {
  it.each([
    ['ecdsa-p256', 'ecdsa_secp256r1_sha256'],
    ['ecdsa-p384', 'ecdsa_secp384r1_sha384'],
    ['ed25519', 'ed25519'],
    ['rsa-2048', 'rsa_pss_rsae_sha256'],
    ['rsa-pss', 'rsa_pss_pss_sha256'],
  ] as const)('with an %s key is presented and proven by %s', async (key, scheme) => {
    const meeting = await world.meet({ request: {} }, { identity: await world.client(key) })
    expect(meeting.info).toMatchObject({ clientCertificate: true })
    expect(meeting.server.finished).toBe(true)
    expect(meeting.server.clientScheme).toBe(scheme)
    expect(meeting.server.clientChain).toEqual((await world.client(key)).chain)
  })

  it('goes out in one piece with Finished', async () => {
    const { sent, server } = await world.meet({ request: {} }, { identity: await world.client() })
    expect(sent).toHaveLength(2)
    expect(server.seen.map(({ name }) => name)).toEqual([
      'client_hello',
      'certificate',
      'certificate_verify',
      'finished',
    ])
  })

  it('takes the scheme that the server has', async () => {
    const { server } = await world.meet(
      { request: { signatureSchemes: [0x0403, 0x0401, 0x0806] } },
      { identity: await world.client('rsa-2048') },
    )
    expect(server.clientScheme).toBe('rsa_pss_rsae_sha512')
  })

  it('is not shown to a server that does not ask', async () => {
    const { server, info } = await world.meet({}, { identity: await world.client() })
    expect(server.clientChain).toBeUndefined()
    expect(info?.clientCertificate).toBe(false)
  })

  it('is not shown, nor asked for here, before the server is authenticated', async () => {
    let asked = false
    const meeting = await world.meet(
      {
        request: {},
        edit: (name, m) =>
          name === 'finished' ? [{ type: m.type, bytes: m.bytes.slice().fill(0, 4) }] : [m],
      },
      {
        identity: () => {
          asked = true
          return undefined
        },
      },
    )
    expect(meeting.error?.code).toBe('ERR_TLS_FINISHED')
    expect(asked).toBe(false)
  })

  it.each([
    ['no identity', undefined],
    ['a callback that has none', () => undefined],
    ['a callback that has none yet', async () => undefined],
  ])('is an empty list with %s', async (_, identity) => {
    const { server, info } = await world.meet({ request: {} }, { identity })
    expect(server.clientChain).toEqual([])
    expect(server.finished).toBe(true)
    expect(info?.clientCertificate).toBe(false)
  })

  it('is chosen by a callback that knows what is asked', async () => {
    const requests: IdentityRequest[] = []
    const authority = latin1('not really a name')
    const meeting = await world.meet(
      { alpn: 'a', request: { signatureSchemes: [0x0403, 0xfefe, 0x0807], authorities: [authority] } },
      {
        alpn: ['a'],
        identity: async (request) => {
          requests.push(request)
          return world.client('ed25519')
        },
      },
    )
    expect(requests).toEqual([
      {
        alpn: 'a',
        serverName,
        authorities: [authority],
        signatureSchemes: ['ecdsa_secp256r1_sha256', 'ed25519'],
      },
    ])
    expect(meeting.server.clientScheme).toBe('ed25519')
  })

  it.each<[string, number[]]>([
    ['of another key type', [0x0804, 0x0807]],
    ['of another curve', [0x0503]],
    ['of RSASSA-PKCS1-v1_5 only', [0x0401, 0x0501]],
    ['unknown to us', [0xfefe]],
  ])('cannot be proven to a server with schemes %s', async (_, signatureSchemes) => {
    const meeting = await world.meet({ request: { signatureSchemes } }, { identity: await world.client() })
    expectFailure(meeting, 'ERR_TLS_NO_SIGNATURE_OVERLAP', 'handshake_failure')
    expect(meeting.server.clientChain).toBeUndefined()
  })

  it('cannot be proven with RSASSA-PKCS1-v1_5', async () => {
    const meeting = await world.meet(
      { request: { signatureSchemes: [0x0401] } },
      { identity: await world.client('rsa-2048') },
    )
    expectFailure(meeting, 'ERR_TLS_NO_SIGNATURE_OVERLAP', 'handshake_failure')
  })

  it.each([
    ['throws', () => Promise.reject(new Error('the key service is away'))],
    ['signs something else', async () => new Uint8Array(70)],
    ['signs nothing', async () => undefined as never],
  ])('with a signer that %s ends the handshake', async (_, sign) => {
    const identity = await world.client()
    const meeting = await world.meet(
      { request: {} },
      { identity: { ...identity, signer: { ...identity.signer, sign } } },
    )
    expectFailure(meeting, 'ERR_TLS_SIGNER', 'internal_error')
  })

  it('with a callback that throws ends the handshake', async () => {
    const cause = new Error('no such profile')
    const meeting = await world.meet({ request: {} }, { identity: () => Promise.reject(cause) })
    expectFailure(meeting, 'ERR_TLS_SIGNER', 'internal_error')
    expect(meeting.error?.cause).toBe(cause)
  })

  it('longer than a record is sent in several', async () => {
    const identity = await world.client()
    const chain = [...identity.chain, ...Array.from({ length: 40 }, () => identity.chain[0]!)]
    const meeting = await world.meet({ request: {} }, { identity: { ...identity, chain } })
    expect(meeting.server.clientChain).toHaveLength(41)
    expect(Math.max(...meeting.server.records.map(({ length }) => length))).toBe(2 ** 14)
    expect(meeting.server.finished).toBe(true)
  })
})

describe('a refusal', () => {
  it('of a client without certificate is known by its code, after the connection opened', async () => {
    const meeting = await world.meet({ request: {}, requireCertificate: true })
    expect(meeting.told).toEqual(['open'])
    expect(meeting.error).toMatchObject({
      code: 'ERR_TLS_ALERT_CERTIFICATE_REQUIRED',
      alert: 'certificate_required',
      blame: 'config',
    })
    expect(meeting.server.alerts).toEqual([])
  })

  it.each<[AlertName, ErrorCode, ErrorCode]>([
    ['bad_certificate', 'ERR_TLS_ALERT_CERTIFICATE_REFUSED', 'ERR_TLS_ALERT_CERTIFICATE_REQUIRED'],
    ['unsupported_certificate', 'ERR_TLS_ALERT_CERTIFICATE_REFUSED', 'ERR_TLS_ALERT'],
    ['certificate_revoked', 'ERR_TLS_ALERT_CERTIFICATE_REFUSED', 'ERR_TLS_ALERT'],
    ['certificate_expired', 'ERR_TLS_ALERT_CERTIFICATE_REFUSED', 'ERR_TLS_ALERT'],
    ['certificate_unknown', 'ERR_TLS_ALERT_CERTIFICATE_REFUSED', 'ERR_TLS_ALERT'],
    ['unknown_ca', 'ERR_TLS_ALERT_CERTIFICATE_REFUSED', 'ERR_TLS_ALERT'],
    ['access_denied', 'ERR_TLS_ALERT_CERTIFICATE_REFUSED', 'ERR_TLS_ALERT'],
    ['certificate_required', 'ERR_TLS_ALERT_CERTIFICATE_REQUIRED', 'ERR_TLS_ALERT_CERTIFICATE_REQUIRED'],
    [
      'no_application_protocol',
      'ERR_TLS_ALERT_NO_APPLICATION_PROTOCOL',
      'ERR_TLS_ALERT_NO_APPLICATION_PROTOCOL',
    ],
    ['handshake_failure', 'ERR_TLS_ALERT_HANDSHAKE_FAILURE', 'ERR_TLS_ALERT_CERTIFICATE_REQUIRED'],
    ['protocol_version', 'ERR_TLS_ALERT_PROTOCOL_VERSION', 'ERR_TLS_ALERT_PROTOCOL_VERSION'],
    ['unrecognized_name', 'ERR_TLS_ALERT_UNRECOGNIZED_NAME', 'ERR_TLS_ALERT_UNRECOGNIZED_NAME'],
    ['internal_error', 'ERR_TLS_ALERT', 'ERR_TLS_ALERT'],
  ])('by %s means %s with a certificate, %s without', async (alert, withOne, without) => {
    for (const [identity, code] of [
      [await world.client(), withOne],
      [undefined, without],
    ] as const) {
      const meeting = await world.meet({ request: {} }, { identity })
      meeting.server.alert(alert)
      await meeting.settle()
      expect(meeting.error).toMatchObject({ code, alert })
      expect(meeting.server.alerts).toEqual([])
    }
  })
})

function expectFailure(meeting: Awaited<ReturnType<World['meet']>>, code: ErrorCode, alert: AlertName): void {
  expect(meeting.error?.code).toBe(code)
  expect(meeting.server.alerts).toEqual([{ name: alert, level: 2, encrypted: true }])
  expect(meeting.told).toEqual([])
}

// Handshakes with ML-KEM against the scripted server, whose half is put together by hand: every group, by share and by retry.
import { beforeAll, describe, expect, it } from 'vitest'
import { latin1 } from '../../../src/bytes/index.js'
import { mlKem1024, secp256r1MlKem768, secp384r1MlKem1024, withNoble } from '../../../src/crypto/noble.js'
import type { CryptoProvider, Group } from '../../../src/crypto/provider.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { encapsulate } from '../../support/tls-server/encapsulate.js'
import { createWorld, type World } from '../../support/tls-server/index.js'

const noble = withNoble(nodeCrypto)
const crypto: CryptoProvider = {
  ...noble,
  groups: [...noble.groups, secp256r1MlKem768(noble), secp384r1MlKem1024(noble), mlKem1024(noble)],
}
const names: readonly Group['name'][] = [
  'X25519MLKEM768',
  'SecP256r1MLKEM768',
  'SecP384r1MLKEM1024',
  'MLKEM1024',
]
const idOf = (name: Group['name']): number => crypto.groups.find((group) => group.name === name)!.id

let world: World
beforeAll(async () => {
  world = await createWorld(nodeCrypto)
})

describe.each(names)('%s', (name) => {
  it('carries a handshake from its share', async () => {
    const meeting = await world.meet({ crypto, encapsulate }, { crypto, keyShares: [name] })
    expect(meeting.error).toBeUndefined()
    expect(meeting.info).toMatchObject({ group: name, version: 'TLSv1.3' })
    expect(meeting.server.hellos).toHaveLength(1)
    meeting.server.send(latin1('data'))
    await meeting.settle()
    expect(meeting.read()).toHaveLength(4)
  })

  it('is reached by HelloRetryRequest', async () => {
    const meeting = await world.meet(
      { crypto, encapsulate, retry: { group: idOf(name) } },
      { crypto, keyShares: ['secp256r1'] },
    )
    expect(meeting.info?.group).toBe(name)
    expect(meeting.server.hellos.map(({ keyShares }) => keyShares.map(({ group }) => group))).toEqual([
      [23],
      [idOf(name)],
    ])
  })

  it('is found out when the ciphertext was changed on the way', async () => {
    const changing = {
      [idOf(name)]: (share: Uint8Array) => {
        const made = encapsulate[idOf(name)]!(share)
        // The middle is ciphertext whatever the order.
        made.publicKey[600]! ^= 1
        return made
      },
    }
    const meeting = await world.meet(
      { crypto, encapsulate: changing },
      { crypto, keyShares: [name] },
      { tolerant: true },
    )
    expect(meeting.error?.code).toBe('ERR_TLS_BAD_RECORD_MAC')
  })

  it.each(['short', 'long'] as const)('refuses a %s answer with illegal_parameter', async (how) => {
    const wrong = {
      [idOf(name)]: (share: Uint8Array) => {
        const { publicKey, secret } = encapsulate[idOf(name)]!(share)
        const longer = new Uint8Array(publicKey.length + 1)
        longer.set(publicKey)
        return { publicKey: how === 'short' ? publicKey.slice(0, -1) : longer, secret }
      },
    }
    const meeting = await world.meet(
      { crypto, encapsulate: wrong },
      { crypto, keyShares: [name] },
      { tolerant: true },
    )
    expect(meeting.error).toMatchObject({ code: 'ERR_TLS_KEY_SHARE', alert: 'illegal_parameter' })
    expect(meeting.server.alerts).toMatchObject([{ name: 'illegal_parameter' }])
  })

  it('is of TLS 1.3 only', async () => {
    const meeting = await world.meet12({}, { crypto, versions: ['TLSv1.2'] })
    expect(meeting.info?.version).toBe('TLSv1.2')
    expect(meeting.server.hellos[0]!.groups).toEqual([29, 23, 24, 25])
    const params = () => new Uint8Array([3, idOf(name) >> 8, idOf(name) & 255, 1, 4])
    const forced = await world.meet12({ params }, { crypto }, { tolerant: true })
    expect(forced.error).toMatchObject({ code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter' })
  })
})

describe('shares', () => {
  it('go to the first group, and to the first of those that everybody knows', async () => {
    const offered = async (groups: readonly Group[]): Promise<readonly number[]> => {
      const { server } = await world.meet({ crypto, encapsulate }, { crypto: { ...crypto, groups } })
      return server.hellos[0]!.keyShares.map(({ group }) => group)
    }
    const by = (...wanted: Group['name'][]) =>
      wanted.map((name) => crypto.groups.find((each) => each.name === name)!)
    expect(await offered(crypto.groups)).toEqual([4588, 29])
    expect(await offered(by('MLKEM1024', 'X25519MLKEM768', 'secp384r1', 'X25519'))).toEqual([514, 24])
    expect(await offered(by('X25519', 'X25519MLKEM768'))).toEqual([29])
    expect(await offered(by('X25519MLKEM768', 'SecP256r1MLKEM768'))).toEqual([4588])
  })
})

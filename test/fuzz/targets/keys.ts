// Private keys in every wrapping, PEM around them, and PKCS#12: changed in text, in DER and under encryption. The key material
// of others is never quoted in an error.
import { createPrivateKey } from 'node:crypto'
import fc from 'fast-check'
import { loadIdentity, parsePem } from '../../../src/pki/index.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { ecPkcs12, rsaPkcs12 } from '../../unit/pki/pkcs12-files.js'
import { mutated, mutatedText } from '../bytes.js'
import { mutatedDer } from '../der-tree.js'
import { material } from '../material.js'
import { must, outcome, outcomeOf, type Target, target } from '../target.js'

/** The file says how often a key derivation goes round; what `forge-credentials.ts` allows takes seconds. */
const allowance = 15_000

export const keysTarget: Target = target('keys', 'PEM and private keys', async () => {
  const { keys, leaf } = await material()
  const wrapped = keys.flatMap((pem) => {
    const key = createPrivateKey(pem)
    const types =
      key.asymmetricKeyType === 'rsa'
        ? (['pkcs1', 'pkcs8'] as const)
        : key.asymmetricKeyType === 'ec'
          ? (['sec1', 'pkcs8'] as const)
          : (['pkcs8'] as const)
    return types.map((type) => ({
      pem: key.export({ type, format: 'pem' }) as string,
      der: new Uint8Array(key.export({ type, format: 'der' })),
      secret: key.export({
        type: 'pkcs8',
        format: 'pem',
        cipher: 'aes-256-cbc',
        passphrase: 'secret',
      }) as string,
      secretDer: new Uint8Array(
        key.export({ type: 'pkcs8', format: 'der', cipher: 'aes-256-cbc', passphrase: 'secret' }),
      ),
    }))
  })
  const old =
    '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAAAAAAAAAAAAAAAAAAAA==\n-----END RSA PRIVATE KEY-----\n'
  const text = mutatedText(
    [...wrapped.flatMap(({ pem, secret }) => [pem, secret]), old],
    [
      '\n',
      '\r',
      '-----BEGIN EC PRIVATE KEY-----\n',
      '-----BEGIN OPENSSH PRIVATE KEY-----\n',
      'Proc-Type: 4,ENCRYPTED\n',
      'DEK-Info: DES-EDE3-CBC,0011223344556677\n',
      '-',
      '=',
      'A',
      '\0',
    ],
  )
  const ders = wrapped.flatMap(({ der, secretDer }) => [der, secretDer])
  return {
    allowance,
    input: fc.record({
      key: fc.oneof<fc.Arbitrary<string | Uint8Array>[]>(text, mutatedDer(ders), mutated(ders)),
      passphrase: fc.constantFrom('secret', 'wrong', '', null),
    }),
    async execute({ key, passphrase }: { key: string | Uint8Array; passphrase: string | null }) {
      if (typeof key === 'string') outcome(() => parsePem(key))
      const { error } = await outcomeOf(() =>
        loadIdentity(
          { certificate: leaf.certificate, privateKey: key, ...(passphrase !== null && { passphrase }) },
          nodeCrypto,
        ),
      )
      if (error === undefined) return
      must(
        /^ERR_CONFIG_(IDENTITY|PASSPHRASE|KEY_MISMATCH)$|^ERR_CRYPTO_UNAVAILABLE$/.test(error.code),
        `a key that fails with ${error.code}`,
      )
      must(!/[A-Za-z0-9+/]{40}/.test(error.message), 'an error that quotes what may be a key')
    },
  }
})

export const pkcs12Target: Target = target('pkcs12', 'PKCS#12 files', () => {
  const files = [ecPkcs12, rsaPkcs12]
  return {
    allowance,
    input: fc.record({
      file: fc.oneof(mutatedDer(files), mutated(files)),
      passphrase: fc.constantFrom('secret', 'wrong'),
    }),
    async execute({ file, passphrase }: { file: Uint8Array; passphrase: string }) {
      const { error } = await outcomeOf(() => loadIdentity({ pkcs12: file, passphrase }, nodeCrypto))
      must(
        error === undefined ||
          /^ERR_CONFIG_(IDENTITY|PASSPHRASE|KEY_MISMATCH)$|^ERR_CRYPTO_UNAVAILABLE$/.test(error.code),
        `a PKCS#12 file that fails with ${error?.code}`,
      )
    },
  }
})

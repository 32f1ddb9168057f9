// ML-KEM for the shim, whatever the runtime has: the groups are the library's, the KEM under them is noble's.
import { ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js'
import type { Bytes } from '../../src/bytes/index.js'
import { type MlKem, mlKem1024, x25519MlKem768 } from '../../src/crypto/mlkem.js'
import type { Group } from '../../src/crypto/provider.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'

const x25519 = nodeCrypto.groups.find(({ name }) => name === 'X25519')!

export const mlKemGroups: readonly Group[] = [
  x25519MlKem768(nobleKem(ml_kem768), x25519),
  mlKem1024(nobleKem(ml_kem1024)),
]

function nobleKem({ keygen, decapsulate }: typeof ml_kem768): MlKem {
  return () => {
    const { publicKey, secretKey } = keygen()
    return {
      publicKey: publicKey as Bytes,
      decapsulate: (ciphertext) => decapsulate(ciphertext, secretKey) as Bytes,
    }
  }
}

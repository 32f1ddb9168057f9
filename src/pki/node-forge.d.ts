// The parts of node-forge that open credentials, typed by what forge-credentials.ts calls. Loading pkcs12.js fills the
// shared `forge` object with everything it needs.

declare module 'node-forge/lib/forge.js' {
  interface Binary {
    getBytes(): string
  }
  interface BlockCipher {
    start(iv: string): void
    update(input: Binary): void
    /** False for wrong padding. */
    finish(): boolean
    readonly output: Binary
  }
  interface Asn1 {
    readonly tagClass: number
    readonly type: number
    /** Binary, or what a constructed one holds. */
    readonly value: string | readonly Asn1[]
  }
  interface Bag {
    readonly attributes: { readonly localKeyId?: readonly string[] }
    /** An RSA key, otherwise null and `asn1` is set. */
    readonly key?: object | null
    /** An RSA certificate, otherwise null and `asn1` is set. */
    readonly cert?: object | null
    readonly asn1?: Asn1
  }
  const forge: {
    readonly asn1: {
      fromDer(binary: string, options?: { strict: boolean; parseAllBytes?: boolean }): Asn1
      toDer(value: Asn1): Binary
    }
    readonly util: {
      createBuffer(binary: string): Binary
      encodeUtf8(text: string): string
      hexToBytes(text: string): string
    }
    readonly aes: { createDecryptionCipher(key: string): BlockCipher }
    readonly des: { createDecryptionCipher(key: string): BlockCipher }
    readonly pbe: { opensslDeriveBytes(password: string, salt: string, length: number): string }
    readonly pki: {
      readonly oids: Readonly<Record<'keyBag' | 'pkcs8ShroudedKeyBag' | 'certBag', string>>
      /** Null for wrong padding. */
      decryptPrivateKeyInfo(info: Asn1, password: string): Asn1 | null
      privateKeyToAsn1(key: object): Asn1
      wrapRsaPrivateKey(key: Asn1): Asn1
      certificateToAsn1(certificate: object): Asn1
    }
    readonly pkcs12: {
      pkcs12FromAsn1(
        pfx: Asn1,
        strict: boolean,
        password: string,
      ): { getBags(filter: { bagType: string }): Readonly<Record<string, readonly Bag[] | undefined>> }
    }
  }
  export = forge
}

declare module 'node-forge/lib/pkcs12.js' {}

declare module 'node-forge/lib/md5.js' {}

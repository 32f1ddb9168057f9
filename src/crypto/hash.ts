// Synchronous SHA-1, SHA-2 and HMAC (RFC 2104) from node-forge, for every platform without node:crypto: WebCrypto's are
// asynchronous and refuse an empty HMAC key. node-forge works on binary strings; they stay inside this file.
// Only digest modules may be imported here, so that a bundle carries nothing else of node-forge.
/// <reference path="./node-forge.d.ts" />
import sha1 from 'node-forge/lib/sha1.js'
import sha256 from 'node-forge/lib/sha256.js'
import sha512 from 'node-forge/lib/sha512.js'
import { type Bytes, latin1 } from '../bytes/index.js'
import type { Hash, HashName, RunningHash } from './provider.js'

export const forgeHashes: Readonly<Record<HashName, Hash>> = {
  'SHA-1': /* @__PURE__ */ forgeHash('SHA-1', 20, 64, () => sha1.create()),
  'SHA-256': /* @__PURE__ */ forgeHash('SHA-256', 32, 64, () => sha256.create()),
  'SHA-384': /* @__PURE__ */ forgeHash('SHA-384', 48, 128, () => sha512.create('SHA-384')),
  'SHA-512': /* @__PURE__ */ forgeHash('SHA-512', 64, 128, () => sha512.create('SHA-512')),
}

function forgeHash(name: HashName, length: number, blockLength: number, make: () => ForgeDigest): Hash {
  // One digest object serves every one-shot call: making one costs as much as hashing a short message.
  let shared: ForgeDigest | undefined
  const fresh = (): ForgeDigest => (shared ??= make()).start()

  return {
    name,
    length,
    create(): RunningHash {
      const state = make()
      return {
        update: (data) => absorb(state, data),
        digest: () => finish(state),
      }
    },
    digest(data) {
      const state = fresh()
      absorb(state, data)
      return finish(state)
    },
    hmac(key, ...parts) {
      const pad = new Uint8Array(blockLength)
      pad.set(key.length > blockLength ? this.digest(key) : key)
      for (let i = 0; i < blockLength; i++) pad[i]! ^= 0x36
      const state = fresh()
      absorb(state, pad)
      for (const part of parts) absorb(state, part)
      const inner = state.digest().bytes()
      for (let i = 0; i < blockLength; i++) pad[i]! ^= 0x36 ^ 0x5c
      state.start()
      absorb(state, pad)
      state.update(inner)
      return finish(state)
    },
  }
}

function absorb(state: ForgeDigest, data: Uint8Array): void {
  // In slices: fromCharCode takes its bytes as arguments, and engines bound those. `apply` reads a typed array without
  // the iterator that spreading would run.
  for (let i = 0; i < data.length; i += 4096) {
    const slice = data.length <= 4096 ? data : data.subarray(i, i + 4096)
    state.update(String.fromCharCode.apply(null, slice as unknown as number[]))
  }
}

function finish(state: ForgeDigest): Bytes {
  return latin1(state.digest().bytes())
}

// Crypto as values: provider types, and the tables that platforms assemble. No protocol state, no certificates.
export type * from './provider.js'

// All that the console takes from the library, in one place.
export {
  type Certificate,
  createDialer,
  type DialerOptions,
  explain,
  generateIdentity,
  type IdentityInput,
  identityStore,
  loadIdentity,
  readIdentityFile,
  type Span,
  type TimedTraceEvent,
  type TraceEvent,
  TunnelError,
  type TunnelInfo,
  type TunnelSocket,
  type VerifiedChain,
} from 'underpass/browser'

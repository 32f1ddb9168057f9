// Existing logins: `~/.tsh`, Teleport identity files, what tbot wrote, PEM and PKCS#12 files, Teleport's environment
// variables, headers from a command. Node only; reads files and never writes one; nothing that dials enters.
export { botOutput } from './bot-output.js'
export { environmentLogin, fromEnvironment, type TeleportEnvironment } from './environment.js'
export { type FilesIdentity, filesIdentity } from './files-identity.js'
export { type HeaderCommandOptions, headersFromCommand } from './header-command.js'
export { identityFile } from './identity-file.js'
export type { IdentitySource, Login, SourceOptions } from './login.js'
export { certificateRoute, type Route, requireRoute, type WantedRoute } from './route.js'
export { type TshOptions, tshLogin } from './tsh-login.js'

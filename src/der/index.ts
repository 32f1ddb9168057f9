// DER (ITU-T X.690): a strict cursor over it and the least of a writer. No meaning of any structure enters here.
export { Der, der, tags } from './cursor.js'
export { element } from './element.js'

/** ConfigMaps and Secrets as the agent reads them: by name, only those that its pods refer to. */

/** The content of a ConfigMap or Secret. */
export interface ObjectData {
  /** Key -> bytes, `data` and `binaryData` of a ConfigMap together. */
  readonly entries: ReadonlyMap<string, Buffer>
  /** Keys that came from `binaryData`; environment variables leave them out. */
  readonly binary: ReadonlySet<string>
}

/** Undefined: there is no such object. Throws when it could not be found out. */
export interface ObjectSource {
  configMap(namespace: string, name: string): Promise<ObjectData | undefined>
  secret(namespace: string, name: string): Promise<ObjectData | undefined>
}

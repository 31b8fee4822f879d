/** Names that are kept for what stands in files of the API server (KEP-5793, upstream `WarningsForStaticSuffix`). */

const suffix = '.static.k8s.io'

export function staticSuffixWarnings({ metadata: { name } }: { readonly metadata: { readonly name: string } }): string[] {
  if (!name.endsWith(suffix)) return []
  const why = `names ending with "${suffix}" are reserved for static manifest-based configurations`
  return [`metadata.name: ${why} and cannot be managed via the API`]
}

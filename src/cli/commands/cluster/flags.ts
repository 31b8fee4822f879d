/** Flags that several commands of the cluster share. */
export const dataDir = {
  type: 'string',
  value: 'D',
  doc: 'directory of the cluster (default /var/lib/nami for root, else ~/.local/share/nami)',
} as const

// Stands in for the package `server-only` in tests: there it would refuse every import outside a server component.
export {};

// The page of the vault.
import "./site";
import "./vault-box";

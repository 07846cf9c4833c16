//! Where bytes come from: files, folders, compression, rotation; filled into drafts of batches.

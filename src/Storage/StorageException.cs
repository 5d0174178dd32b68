namespace Ganymede.Storage;

/// <summary>Images cannot be stored. The message is one line that names the path and the reason.</summary>
public sealed class StorageException(string message, Exception? inner = null) : Exception(message, inner)
{
    // Linux error numbers, which .NET hands on as HResult where it has no exception of its own.
    private const int NoSpace = 28, ReadOnly = 30, OverQuota = 122;

    internal static bool IsExpected(Exception e) => e is IOException or UnauthorizedAccessException;

    internal static StorageException For(string action, string path, Exception e) => new($"Cannot {action} {path}: {Reason(e)}.", e);

    private static string Reason(Exception e) => e switch
    {
        UnauthorizedAccessException => "no permission",
        IOException { HResult: NoSpace } => "the disk is full",
        IOException { HResult: OverQuota } => "the disk quota is used up",
        IOException { HResult: ReadOnly } => "the file system is read-only",
        _ => e.Message.ReplaceLineEndings(" ").TrimEnd('.'),
    };
}

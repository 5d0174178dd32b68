namespace Ganymede.Datasets;

/// <summary>How a source is turned into a pack.</summary>
/// <param name="Size">Height and width of every packed image, pixels, 1..<see cref="ImagePack.SizeLimit"/>.</param>
/// <param name="Channels">1 (Rec. 601 luminance) or 3 (red, green, blue; grey repeated).</param>
/// <param name="SkipUnreadable">Leaves unreadable images out instead of stopping.</param>
public sealed record PackSettings(int Size, int Channels, bool SkipUnreadable);

/// <summary>An image that could not be read, and why.</summary>
public sealed record UnreadableFile(string Path, string Reason);

/// <summary>The pack, and the images left out of it in their order (empty unless they are skipped).</summary>
public sealed record PackResult(ImagePack Pack, IReadOnlyList<UnreadableFile> Unreadable);

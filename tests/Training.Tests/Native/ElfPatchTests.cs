using System.Buffers.Binary;
using System.Security.Cryptography;
using CsCheck;
using Ganymede.Training;

namespace Ganymede.Tests;

/// <summary>On the real library that TorchSharp ships for Linux.</summary>
public sealed class ElfPatchTests
{
    private const string Version = "GLIBCXX_3.4.32";

    private static byte[] Library()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "TorchSharp ships another library here");
        return File.ReadAllBytes(OriginalPath);
    }

    internal static string OriginalPath => Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native", "libLibTorchSharp.so");

    private static string Refusal(byte[] library, string version) =>
        Assert.Throws<InvalidDataException>(() => ElfPatch.Weaken(library, version)).Message;

    [Fact]
    public void Sets_one_flag_and_touches_nothing_else()
    {
        var library = Library();
        var before = SHA256.HashData(library);
        var patched = ElfPatch.Weaken(library, Version);

        Assert.Equal(before, SHA256.HashData(library));
        var changed = Enumerable.Range(0, library.Length).Where(at => library[at] != patched[at]).ToList();
        var flag = Assert.Single(changed);
        Assert.Equal((0, 2), (library[flag], patched[flag]));
        Assert.Equal(patched, ElfPatch.Weaken(patched, Version));
    }

    [Fact]
    public void Refuses_a_version_that_symbols_need_and_names_one()
    {
        Assert.Matches("^_Z.* needs GLIBCXX_3.4.21$", Refusal(Library(), "GLIBCXX_3.4.21"));
        Assert.Contains("does not ask for GLIBCXX_9.9", Refusal(Library(), "GLIBCXX_9.9"));
    }

    [Fact]
    public void Refuses_when_a_relocation_uses_the_harmless_symbol()
    {
        var library = Library();
        var elf = new ElfImage(library);
        var symbols = elf.Find(ElfImage.DynamicSymbols)!;
        var names = elf.Linked(symbols);
        var harmless = Enumerable.Range(0, (int)(symbols.Size / 24))
            .Single(i => elf.Text(names, elf.UInt32((int)symbols.Offset + 24 * i)) == ElfPatch.HarmlessSymbol);
        foreach (var relocations in elf.Sections.Where(section => section.Type == ElfImage.RelocationsWithAddend))
        {
            var altered = (byte[])library.Clone();
            BinaryPrimitives.WriteInt32LittleEndian(altered.AsSpan((int)relocations.Offset + 24 * 5 + 12), harmless);
            Assert.Contains("a relocation uses", Refusal(altered, Version));
        }
    }

    [Fact]
    public void Damaged_files_are_refused_or_patched_but_never_read_outside()
    {
        var library = Library();
        var elf = new ElfImage(library);
        var table = (int)BinaryPrimitives.ReadUInt64LittleEndian(library.AsSpan(0x28));
        var needs = (int)elf.Find(ElfImage.VersionNeeds)!.Offset;
        var places = Enumerable.Range(0, 64).Concat(Enumerable.Range(table, 64 * elf.Sections.Count)).Concat(Enumerable.Range(needs, 0x210)).ToArray();
        var refused = 0;
        Gen.Select(Gen.Int[0, places.Length - 1], Gen.Byte).Sample((index, value) =>
        {
            var damaged = (byte[])library.Clone();
            damaged[places[index]] = value;
            try
            {
                ElfPatch.Weaken(damaged, Version);
            }
            catch (InvalidDataException)
            {
                Interlocked.Increment(ref refused);
            }
        }, iter: 500);
        Assert.InRange(refused, 10, 500);
        foreach (var length in new[] { 0, 5, 63, 64, 1_000, library.Length / 2, library.Length - 1 })
            Assert.NotEmpty(Refusal(library[..length], Version));
    }
}
